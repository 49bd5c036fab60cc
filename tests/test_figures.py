"""Over a figured bass the voices sound what a continuo player would play."""

from __future__ import annotations

from fractions import Fraction

import pytest
from composing import composed, hard, spec

from cspcomposer import compose as composer
from cspcomposer import pitch as pitches
from cspcomposer.errors import NoSolution
from cspcomposer.score import Score, note_at
from cspcomposer.search import Effort


def over(key: str, bass: str, figures: str) -> Score:
    bars = bass.count("|") + 1
    text = f"key: {key}\nbars: {bars}\nsurface: none\n"
    loaded = spec(f"{text}given:\n  bass: {bass}\n  figures: {figures}\n")
    piece = composer.compose(loaded, effort=Effort(10_000))
    assert hard(piece) == []
    return piece.score


def sounding(score: Score, time: float) -> dict[str, str]:
    notes = {v.name: note_at(v, Fraction(time)) for v in score.voices}
    return {name: pitches.name(note.pitch) for name, note in notes.items() if note}


def letters(score: Score, time: float) -> set[str]:
    return {name[:-1] for name in sounding(score, time).values()}


# Bass, figures, when the dissonance is struck and resolved, from which note to which.
SUSPENSIONS = {
    "4 3": ("C major", "c4 f g g | c1", "<_>4 <_> <4> <3> | <_>1", 2, 3, [("C", "B")]),
    "held": ("C major", "c4 f g2 | c1", "<_>4 <_> <4> <3> | <_>1", 2, 3, [("C", "B")]),
    "long": ("C major", "c2 f | g1 | c1", "<_>2 <_> | <4>2 <3> | <_>1", 4, 6, [("C", "B")]),
    "5 4": ("C major", "c4 f g2 | c1", "<_>4 <_> <5 4> <5 3> | <_>1", 2, 3, [("C", "B")]),
    "sharp": ("A minor", "a,4 d e2 | a,1", "<_>4 <_> <4> <_+> | <_>1", 2, 3, [("A", "G#")]),
    "9 8": ("C major", "c4 e f2 | c1", "<_>4 <6> <9> <8> | <_>1", 2, 3, [("G", "F")]),
    "9 7": ("C major", "c4 g a2 | g2 c2", "<_>4 <_> <9 7> <8 6> | <_>2 <_>", 2, 3,
            [("B", "A"), ("G", "F")]),
    "9 4": ("C major", "c4 g, c2 | f4 g c2", "<_>4 <7> <9 4> <8 3> | <6>4 <7> <_>2", 2, 3,
            [("D", "C"), ("F", "E")]),
    "7 6": ("C major", "c4 f e2 | d4 g, c2", "<_>4 <_> <7> <6> | <7>4 <7> <_>2", 2, 3,
            [("D", "C")]),
}  # fmt: skip


@pytest.mark.parametrize("name", SUSPENSIONS)
def test_a_suspension_falls_a_step_to_the_next_figure(name: str) -> None:
    key, bass, figures, struck, left, falls = SUSPENSIONS[name]
    score = over(key, bass, figures)
    before, after = sounding(score, struck), sounding(score, left)
    for dissonance, resolution in falls:
        holders = [v for v, p in before.items() if p[:-1] == dissonance]
        assert len(holders) == 1
        (voice,) = holders
        assert after[voice][:-1] == resolution
        drop = pitches.parse(before[voice]) - pitches.parse(after[voice])
        assert drop in (5, 6)
        others = {p[:-1] for v, p in before.items() if v not in (voice, "bass")}
        assert name == "7 6" or resolution not in others


@pytest.mark.parametrize("name", ["4 3", "held", "long", "sharp", "9 8", "9 7", "9 4"])
def test_a_suspension_is_held_from_the_chord_before(name: str) -> None:
    key, bass, figures, struck, _, falls = SUSPENSIONS[name]
    score = over(key, bass, figures)
    for dissonance, _ in falls:
        (voice,) = (v for v, p in sounding(score, struck).items() if p[:-1] == dissonance)
        note = note_at(score.voice(voice), Fraction(struck))
        assert note and note.onset < struck


def test_a_suspended_chord_is_named_once() -> None:
    score = over("C major", "c4 f g g | c1", "<_>4 <_> <4> <3> | <_>1")
    assert [c.numeral for c in score.chords] == ["I", "IV", "V", "I"]
    assert [c.onset for c in score.chords] == [0, 1, 2, 4]


def test_a_given_melody_may_hold_the_suspension() -> None:
    melody = "  soprano: e''4 c'' c'' b' | c''1\n"
    piece = composed(
        f"key: C major\nbars: 2\ngiven:\n{melody}"
        "  bass: c4 f g2 | c1\n  figures: <_>4 <_> <4> <3> | <_>1\n"
    )
    assert letters(piece.score, 2) == {"G", "D", "C"}
    assert letters(piece.score, 3) == {"G", "D", "B"}


def test_a_six_four_stays_a_chord_of_its_own() -> None:
    score = over("C major", "c4 f g2 | c1", "<_>4 <_> <6 4> <5 3> | <_>1")
    assert letters(score, 2) == {"G", "C", "E"}
    assert [c.figured for c in score.chords] == ["I", "IV", "I6/4", "V", "I"]


def test_figures_last_as_long_as_they_are_written_while_the_bass_stays() -> None:
    score = over("C major", "c2 e | f g | c1", "<_>2 <6> | <6 5> <7> | <_>1")
    assert [c.onset for c in score.chords] == [0, 2, 4, 6, 8]


def test_a_fourth_that_has_nowhere_to_fall_is_told_with_its_place() -> None:
    with pytest.raises(NoSolution) as caught:
        over("C major", "c4 f g e | c1", "<_>4 <_> <4> <6> | <_>1")
    said = "\n".join(map(str, caught.value.faults))
    assert "piece.yaml:6:21: bar 1, beat 3: Given figure changed" in said
