"""The folk tunes that are set for the evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product

import pytest

from cspcomposer import corpus, read
from cspcomposer import pitch as pitches
from cspcomposer.check import check
from cspcomposer.errors import BadScore
from cspcomposer.score import Score
from neural_priors import folk, settings
from neural_priors.metrics import judged

FIRST = 30
KINDS = [(metre, mode) for mode, metre in product(("minor", "major"), folk.METRES)]


def kind(score: Score) -> tuple[tuple[int, int], str]:
    bar = score.measures[0]
    return (bar.beats, bar.unit), score.keys[0].mode


def candidates(*folders: str) -> Iterator[tuple[str, int, str, Score]]:
    """Every tune that fits among the first of each file: file, number, title."""
    for folder in folders:
        for path in sorted((corpus.folder() / folder).glob("*.abc")):
            for number, title in enumerate(read.titles(path)[:FIRST], 1):
                try:
                    score = folk.with_key(read.read(path, tune=number))
                except BadScore:
                    continue
                if not folk.unfit(score):
                    yield f"{folder}/{path.name}", number, title, score


def picked(*folders: str) -> list[tuple[str, int]]:
    """Three of each kind and a fourth of the last, from as many files as there are."""
    found = list(candidates(*folders))
    used: Counter[str] = Counter()
    sung: set[object] = set()
    out = []
    for wanted in [*KINDS * 3, KINDS[-1]]:
        # The least used file first; `min` takes the first of equals.
        free = [f for f in found if kind(f[3]) == wanted and not sung & words(f)]
        file, number, *_ = chosen = min(free, key=lambda f: used[f[0]])
        used[file] += 1
        sung |= words(chosen)
        out.append((file, number))
    return out


def words(found: tuple[str, int, str, Score]) -> set[object]:
    """What two tunes must not have in common: the title, the first notes."""
    _, _, title, score = found
    notes = score.voices[0].notes
    steps = tuple(b.pitch - a.pitch for a, b in pairwise(notes[:8]))
    return {title.casefold(), steps}


def test_all_fifty_are_read_and_fit_the_criterion() -> None:
    assert len(set(folk.TUNES)) == 50
    tunes = [folk.tune(name) for name in folk.names()]
    for name, score in zip(folk.names(), tunes, strict=True):
        assert folk.unfit(score) == "", name
        (key,) = score.keys
        assert [s.fifths for s in score.signatures] == [key.fifths], name
        assert [v.name for v in score.voices] == ["soprano"], name
        heights = [pitches.midi(n.pitch) for n in score.voices[0].notes]
        assert all(60 <= h <= 81 for h in heights), name
    essen = [file.startswith("essenFolksong") for file, _ in folk.TUNES]
    for half in (True, False):
        kinds = [kind(s) for s, e in zip(tunes, essen, strict=True) if e == half]
        assert Counter(kinds) == Counter([*KINDS * 3, KINDS[-1]])


def test_the_essen_collection_says_the_tonic_and_the_tune_the_mode() -> None:
    # "Ich hab die Nacht", noted with four sharps and a natural before every G, D and C.
    as_read = read.read_corpus("essenFolksong/test0.abc", tune=1)
    assert str(as_read.keys[0]) == "E major"
    assert str(folk.with_key(as_read).keys[0]) == "E minor"
    assert str(folk.tune("essenFolksong/test0.abc 1").keys[0]) != "E minor"  # it went too low


def test_a_tune_that_is_none_is_told_why() -> None:
    score = folk.tune(folk.names()[0])
    notes = score.voices[0].notes
    sharp = replace(notes[1], pitch=notes[1].pitch + 80)
    long = replace(score, measures=score.measures * 5)
    wide = replace(score, voices=(replace(score.voices[0], notes=(notes[0], sharp, *notes[2:])),))
    assert folk.unfit(long).endswith("bars")
    assert folk.unfit(wide) == "its compass is too wide"
    assert folk.unfit(replace(score, keys=())) == "one voice in one stated key is wanted"
    (key,) = score.keys
    foreign = replace(score, keys=(replace(key, tonic=key.tonic + 1),))
    assert folk.unfit(foreign) == "its last note is not the tonic"


@pytest.mark.slow
def test_they_are_what_the_criterion_picks() -> None:
    both = picked("essenFolksong") + picked("airdsAirs", "oneills1850")
    assert tuple(sorted(both)) == folk.TUNES


def test_a_folk_tune_is_set_without_a_hard_fault() -> None:
    name = "essenFolksong/ballad30.abc 5"
    found = settings.setting(name, model="chorale", temperature=0.0, found=folk.tune)
    assert found.failure == ""
    assert found.judged and found.judged.hard == found.judged.parallels == 0
    assert found.judged.same == found.judged.columns


def test_a_leap_in_the_tune_is_no_fault_of_its_setting() -> None:
    tune = folk.tune("oneills1850/1710-1750.abc 23")
    key = tune.keys[0]
    assert [v.rule for v in check(tune).violations if v.severity == "hard"] == [
        "leap_beyond_octave"
    ]
    bare, excused = judged(tune, tune, key), judged(tune, tune, key, tune=tune)
    assert bare.hard - excused.hard == bare.heard - excused.heard == 1
