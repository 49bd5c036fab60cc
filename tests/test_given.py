"""What is given is kept, whatever the rules say of it; the rest is composed around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from composing import composed, hard, parallels, spec, sung

from cspcomposer import cli
from cspcomposer import compose as composer
from cspcomposer import pitch as pitches
from cspcomposer.errors import NoSolution
from cspcomposer.search import Effort

HARMONIC_MINOR = """key: A minor
bars: 4
given:
  soprano: e''4 f'' gis'' a'' | e'' d'' c'' b' | c'' d'' e'' f'' | e'' b' a'2
"""
FIFTHS = """key: C major
bars: 2
given:
  soprano: g'4 a' b' c'' | d'' b' c''2
  bass: c4 d g, a, | f, g, c2
"""
OCTAVES = """key: C major
bars: 2
given:
  soprano: c''4 d'' e'' d'' | c''4 b' c''2
  bass: c4 d c b, | e4 d c2
"""
HIGH_ALTO = """key: C major
bars: 4
given:
  alto: c''4 d'' c'' b' | a' b' c'' d'' | c'' c'' b' a' | b' b' c''2
"""


def test_a_tune_that_leaps_by_an_augmented_second_is_harmonised() -> None:
    piece = composed(HARMONIC_MINOR)
    assert hard(piece) == []
    assert composer.kept(piece) == [
        "bar 1, beat 3: Soprano moves by an augmented second. This is given, and kept."
    ]
    names = [pitches.name(pitch) for _, pitch in sung(piece.score)["soprano"]]
    assert names[:4] == ["E5", "F5", "G#5", "A5"]


@pytest.mark.parametrize(
    ("text", "rule"), [(FIFTHS, "parallel_fifths"), (OCTAVES, "parallel_octaves")]
)
def test_two_given_voices_may_move_in_parallel_but_no_others(text: str, rule: str) -> None:
    piece = composed(text)
    assert hard(piece) == []
    found = [v for v in piece.report.violations if v.given]
    (fault,) = found
    assert (fault.rule, fault.severity, fault.bar, int(fault.beat)) == (rule, "hint", 1, 2)
    assert {note.voice for note in fault.notes} == {"soprano", "bass"}
    assert len(list(parallels(piece.score))) == 1


def test_a_leap_beyond_the_octave_in_a_given_bass_is_told_in_the_data() -> None:
    data = composer.as_data(composed("bars: 2\ngiven:\n  bass: c1 | f,,1\n"))
    assert data["kept_as_given"] == [
        "bar 2, beat 1: Bass leaps more than an octave. This is given, and kept."
    ]


def test_nothing_is_excused_where_nothing_given_is_at_fault() -> None:
    data = composer.as_data(composed("bars: 2\ngiven:\n  bass: c1 | g,1\n"))
    assert data["kept_as_given"] == []


def test_a_chord_that_is_asked_for_excuses_no_free_voice() -> None:
    with pytest.raises(NoSolution):
        composed("bars: 1\nkey: C major\ngiven:\n  numerals: |\n    m1 C: V6 b3 I6\n")


def test_what_is_kept_is_said_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tune.yaml").write_text(FIFTHS + "effort: {conflicts: 1500}\noutputs: [musicxml]\n")
    assert cli.main(["compose", "tune.yaml"]) == 0
    sentence = "bar 1, beat 2: Soprano and bass move in parallel fifths. This is given, and kept."
    assert sentence in capsys.readouterr().out
    assert json.loads(Path("tune.json").read_text())["kept_as_given"] == [sentence]


def test_the_soprano_stays_above_a_high_given_alto() -> None:
    piece = composer.compose(spec(HIGH_ALTO), effort=Effort(5000))
    counts = piece.report.counts["rule"]
    assert "melody_crossed" not in counts and "lasting_crossing" not in counts


def test_a_leap_over_a_rest_of_all_voices_is_no_leap() -> None:
    piece = composed("key: A minor\nbars: 2\ngiven:\n  soprano: e''4 f'' r2 | gis''4 b' a'2\n")
    assert composer.kept(piece) == []
