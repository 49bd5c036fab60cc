"""What sounds in a score, whatever its layout, and how its phrases are heard to close."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from cspcomposer import evaluate_closes, evaluate_heard
from cspcomposer import pitch as pitches
from cspcomposer.errors import BadScore
from cspcomposer.render.musicxml import musicxml
from cspcomposer.score import Measure, Note, Part, Score, Signature, Symbol, Voice, note_at

START = Signature(Fraction(0), 0)
BAR = Measure(1, Fraction(0), Fraction(4), 4, 4)


def voice(name: str, *notes: tuple[float, float, str], clef: str = "treble") -> Voice:
    """Return a voice of onsets, lengths and pitches."""
    found = [Note(Fraction(on), Fraction(long), pitches.parse(p)) for on, long, p in notes]
    return Voice(name, name, clef, tuple(found))


def score(
    *voices: Voice, bars: tuple[Measure, ...] = (BAR,), symbols: tuple[Symbol, ...] = ()
) -> Score:
    """Return a score in C."""
    parts = (Part("Clarinet", 71, (("melody",),), ("treble",), (1, 2)),) if symbols else ()
    return Score("A", "", Fraction(100), voices, bars, (START,), parts=parts, symbols=symbols)


def heard(made: Score, folder: Path) -> Score:
    path = folder / "made.musicxml"
    path.write_text(musicxml(made), encoding="utf-8")
    return evaluate_heard.heard(path)


def names(made: Score, time: int) -> list[str]:
    found = [note_at(v, Fraction(time)) for v in made.voices]
    return [pitches.name(n.pitch) for n in found if n]


def test_two_voices_on_a_staff_are_heard_each_as_it_goes(tmp_path: Path) -> None:
    lines = [
        voice("soprano", (0, 2, "G4"), (2, 2, "E5")), voice("alto", (0, 1, "E4"), (1, 3, "C4")),
        voice("tenor", (0, 4, "C4")), voice("bass", (0, 2, "C3"), (2, 2, "A2"), clef="bass"),
    ]  # fmt: skip
    found = heard(score(*lines), tmp_path)
    assert names(found, 0) == ["G4", "E4", "C4", "C3"]
    assert names(found, 3) == ["E5", "C4", "C4", "A2"]


def test_chords_that_are_only_named_sound_until_the_next_one(tmp_path: Path) -> None:
    symbols = (
        Symbol(Fraction(0), pitches.parse_class("C"), "major"),
        Symbol(Fraction(2), pitches.parse_class("G"), "dominant_seventh"),
    )
    found = heard(score(voice("melody", (0, 4, "G4")), symbols=symbols), tmp_path)
    classes = [{name.rstrip("0123456789") for name in names(found, time)} for time in (0, 1, 3)]
    assert classes == [{"C", "E", "G"}, {"C", "E", "G"}, {"G", "B", "D", "F"}]
    assert names(found, 0)[0] == "G4"


def test_the_bass_of_a_broken_chord_is_its_lowest_note() -> None:
    melody = voice("melody", (0, 4, "C5"))
    broken = voice("bass", (0, 1, "C3"), (1, 1, "G3"), (2, 1, "C3"), (3, 1, "G3"), clef="bass")
    assert evaluate_closes.closes(score(melody, broken), 1, "perfect", "C major")
    assert not evaluate_closes.closes(score(melody, broken), 1, "half", "G major")
    other = voice("melody", (0, 4, "E5"))
    assert not evaluate_closes.closes(score(other, broken), 1, "perfect", "C major")


def test_an_upbeat_is_no_part_of_the_close_before_it() -> None:
    bars = (
        Measure(0, Fraction(0), Fraction(1), 4, 4), Measure(1, Fraction(1), Fraction(4), 4, 4),
        Measure(2, Fraction(5), Fraction(3), 4, 4),
    )  # fmt: skip
    melody = voice("melody", (0, 1, "B4"), (1, 3, "C5"), (4, 1, "D5"), (5, 3, "E5"))
    bass = voice("bass", (0, 1, "G3"), (1, 3, "C3"), (4, 1, "B2"), (5, 3, "C3"), clef="bass")
    assert evaluate_closes.closes(score(melody, bass, bars=bars), 1, "perfect", "C major")
    whole = tuple(bar for bar in bars if bar.number)
    assert not evaluate_closes.closes(score(melody, bass, bars=whole), 1, "perfect", "C major")


def test_what_is_no_score_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.musicxml"
    path.write_text("<score-partwise/>")
    with pytest.raises(BadScore, match="could not be read"):
        evaluate_heard.heard(path)
