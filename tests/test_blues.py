"""A blues without numerals: the twelve bars have the chords of the scheme."""

from __future__ import annotations

from functools import cache

import pytest
from composing import hard, spec

from cspcomposer import compose, form_show
from cspcomposer.compose import Composition
from cspcomposer.form_show import Ruler
from cspcomposer.search import Effort

SCHEME = {1: "I", 3: "I", 5: "IV", 7: "I", 11: "I", 12: "I"}
TEXT = "style: blues\nform: blues\nkey: {key}\nharmonic_rhythm: bar\nsurface: none\n"


@cache
def composed(key: str, seed: int) -> Composition:
    return compose.compose(spec(TEXT.format(key=key)), seed=seed, effort=Effort(3000))


def chords(made: Composition) -> dict[int, str]:
    """The numeral with which each bar begins."""
    out = {}
    for measure in made.score.measures:
        before = [c for c in made.score.chords if c.onset <= measure.onset]
        out[measure.number] = before[-1].numeral
    return out


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_the_chords_of_the_scheme_stand_in_its_strong_bars(seed: int) -> None:
    made = composed("C major", seed)
    assert hard(made) == []
    found = chords(made)
    assert {bar: found[bar] for bar in SCHEME} == SCHEME
    assert made.plan
    text = form_show.text(
        made.plan, Ruler(made.score.measures[0].onset, made.score.measures[0].full)
    )
    assert "Twelve-bar blues, 12 bars, C major" in text
    assert "bar  9        10       11       12" in text


def test_what_leans_towards_a_chord_is_its_dominant() -> None:
    leaning = 0
    for seed in (2, 7):
        made = composed("C major", seed)
        assert made.plan
        ends = {leaf.end: leaf for tree in made.plan.harmony for leaf in tree.leaves()}
        found = chords(made)
        for end, leaf in ends.items():
            if leaf.function == "applied":
                bar = next(m.number for m in made.score.measures if m.onset == end)
                assert found[bar - 1].endswith(f"/{found[bar].rstrip('7')}")
                leaning += 1
    assert leaning


def test_a_blues_in_minor_has_its_minor_chords() -> None:
    found = chords(composed("A minor", 2))
    assert {bar: found[bar] for bar in (1, 3, 5, 7, 11)} == {
        1: "i", 3: "i", 5: "iv", 7: "i", 11: "i",
    }  # fmt: skip
