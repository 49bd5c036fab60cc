"""Telling Bach's settings from others, and the page that says how surely."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from neural_priors import classify, evaluate, evaluate_page, folk, prepare, settings
from neural_priors.classify import Body
from neural_priors.evaluate_page import Measured
from neural_priors.frames import chord_names
from neural_priors.ranking import Rank

NAME = "bach/bwv66.6.mxl"


def invented(shift: float, seed: int, count: int = 40) -> Body:
    chance = np.random.default_rng(seed)
    names = [f"trait {i}" for i in range(30)]
    return [
        (str(i), dict(zip(names, chance.normal(10, 1, 30) + shift * np.eye(30)[7], strict=True)))
        for i in range(count)
    ]


def test_what_differs_is_told_apart_and_by_what_it_differs() -> None:
    told = classify.told_apart(invented(0, 1), invented(5, 2))
    assert told
    assert told.area > 0.95 and told.low > 0.9
    assert told.traits[0][0] == "trait 7"
    assert told.traits[0][2] - told.traits[0][1] == pytest.approx(5, abs=1)


def test_what_is_alike_is_not_told_apart() -> None:
    told = classify.told_apart(invented(0, 1), invented(0, 2))
    assert told
    assert 0.3 < told.area < 0.7
    assert told.low < 0.5 < told.high


def test_a_tune_is_never_known_from_its_other_setting() -> None:
    # Each tune has a trait of its own, and one body more of it: nothing that another tune teaches.
    chance = np.random.default_rng(3)
    own = chance.normal(0, 100, (40, 30))
    bodies: list[Body] = [
        [(str(i), {f"trait {j}": x for j, x in enumerate(row)}) for i, row in enumerate(own + e)]
        for e in chance.normal(0, 1, (2, 40, 30))
    ]
    told = classify.told_apart(*bodies)
    assert told and 0.3 < told.area < 0.7


def test_halves_of_bach_are_not_told_apart() -> None:
    tunes = prepare.tunes()
    body = [
        (
            str(tunes[p.name]),
            classify.traits(p.frames.pitches, p.chords, {}, len(p.frames.times)),
        )
        for p in prepare.part("canonical", "train")
    ]
    told = classify.halved(body, times=3)
    assert told
    assert told.size == len(body) // 2
    # Single halvings stray by 0.05, their mean by less.
    assert 0.4 < told.area < 0.6


def test_three_tunes_are_too_few() -> None:
    assert classify.told_apart(invented(0, 1, 3), invented(5, 2, 3)) is None


def test_traits_are_rates_in_words() -> None:
    triads = [set(quality) for quality in chord_names().qualities]
    major = next(i for i, q in enumerate(triads) if sorted(above for above, _ in q) == [0, 4, 7])
    pitches = np.array([[72, 74, 71], [67, 67, -1], [64, 62, 62], [48, 43, 55]], np.int16)
    harmony = np.array([[0, 7, 7], [major] * 3], np.int16)
    found = classify.traits(pitches, harmony, Counter({"large_leap": 1}), 4.0)
    assert found["alto repeats its note"] == 100
    assert found["tenor falls a second"] == found["tenor repeats its note"] == 50
    assert found["bass falls a fourth"] == found["bass rises an octave"] == 50
    assert found["soprano and alto a fourth apart"] == 50
    assert found["G major in C major or A minor"] == pytest.approx(200 / 3)
    assert found["moves of alto, tenor and bass"] == 75
    assert found["fault: large leap"] == 25
    assert not any(name.startswith("soprano ") and " and " not in name for name in found)
    ((_, kept),) = classify.on_beats([("1", found)])
    assert kept.keys() == found.keys() - {"fault: large leap"}


@pytest.fixture(scope="module")
def measured() -> Measured:
    own = settings.own(NAME)
    dream = settings.drawn(NAME, model="chorale")
    tune = folk.names()[0]
    air = settings.drawn(tune, model="chorale", found=folk.tune)
    lost = settings.Setting(tune, None, 3.0, "No chord fits.")
    assert own.judged and dream.judged
    names = [p.name for p in prepare.part("canonical", "test")][:8]
    rows = {
        "Bach": [replace(own, name=name) for name in names],
        "network alone, drawn": [replace(dream, name=name) for name in names],
    }
    return Measured(
        quick=True,
        surprise=[("canonical", "network", (0.7, 1.0, 1.3))],
        ranks={key: [Rank(100, {"network": 1.0}), None] for key in ("plain", "all")},
        chorales=rows,
        folk={"network alone, drawn": [air], "rules only": [lost]},
        taught=own.judged.bigrams,
        floor=0.04,
        told=evaluate.told(rows),
    )


def test_the_page_says_all_that_was_measured(measured: Measured) -> None:
    page = evaluate_page.page(measured)
    assert "| canonical | network | 0.70 | 1.00 | 1.30 | 3.00 |" in page
    assert "| network | 100.0% | 100.0% | 100.0% | 1.000 |" in page
    assert "| | Bach | network alone, drawn |" in page
    bachs_or_not = page.split("## Bach's or not")[1].split("\n## ")[0]
    assert "| network alone, drawn | 8 | 1.00 (1.00 to 1.00) |" in bachs_or_not
    assert "- network alone, drawn: " in bachs_or_not


def test_a_folk_tune_that_was_not_set_is_told_with_its_reason(measured: Measured) -> None:
    airs = evaluate_page.page(measured).split("## Folk tunes")[1]
    assert "| | Bach | network alone, drawn | rules only |" in airs
    assert "| not set | 0 | 0 | 1 |" in airs
    assert f"- rules only: {folk.names()[0]} was not set: No chord fits." in airs
    assert "as Bach's |" not in airs


def test_the_page_says_where_scikit_learn_is_missing(measured: Measured) -> None:
    page = evaluate_page.page(replace(measured, told=None))
    assert "not measured: scikit-learn is not installed" in page
