"""Where there is no solution the user is told which given notes and which rule collide."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import QUICK, spec

from cspcomposer import compose as composer
from cspcomposer.errors import Fault, NoSolution

OCTAVES = """key: C major
bars: 2
given:
  soprano: |
    c''4 d'' e'' d'' |
    c''4 b' c''2
  bass: |
    c4 d c b, |
    e4 d c2
"""
LEAP = "key: C major\nbars: 2\ngiven:\n  bass: c1 | f,,1\n"
CHORD = """key: C major
bars: 2
given:
  bass: c1 | c1
  numerals: |
    m1 C: I
    m2 I6
"""
LENGTHY = """key: G major
bars: 8
harmonic_rhythm: beat
given:
  bass: |
    g4 fis g b, | c d e c | b, c d e | c a, d2 |
    g4 b, c fis | g e c a, | d4 g c a, | d4 d g,2
"""


def conflict(text: str) -> tuple[Fault, ...]:
    with pytest.raises(NoSolution) as caught:
        composer.compose(spec(text), effort=QUICK)
    assert caught.value.exit_code == 3
    return caught.value.faults


def halves(faults: tuple[Fault, ...]) -> tuple[list[str], list[str]]:
    """The demands that collide, and the way out."""
    texts = [str(fault) for fault in faults]
    assert "there is no solution: these demands cannot all be met." in texts[0]
    cut = next(i for i, t in enumerate(texts) if t.startswith("The smallest way out"))
    return texts[1:cut], texts[cut + 1 :]


def test_given_notes_that_move_in_octaves_are_named_with_their_lines() -> None:
    demands, way = halves(conflict(OCTAVES))
    assert "piece.yaml:5:10: given.soprano: D5 is given in bar 1, beat 2." in demands
    assert "piece.yaml:8:8: given.bass: D3 is given in bar 1, beat 2." in demands
    rules = [line for line in demands if "is given" not in line]
    assert rules == ["bar 1, beat 2: Parallel octaves: Soprano and bass move in parallel octaves."]
    assert len(demands) == 5
    assert len(way) == 1


def test_one_given_line_can_contradict_a_rule_by_itself() -> None:
    demands, way = halves(conflict(LEAP))
    assert [line.partition(": given")[0] for line in demands[:2]] == [
        "piece.yaml:4:9", "piece.yaml:4:14",
    ]  # fmt: skip
    assert "Leap beyond the octave" in demands[2]
    assert len(way) == 1


def test_an_inversion_that_a_given_bass_does_not_allow_is_named() -> None:
    demands, _ = halves(conflict(CHORD))
    assert any("bar 2, beat 1: Given inversion changed" in line for line in demands)


def test_in_a_longer_piece_the_conflict_stays_small() -> None:
    demands, _ = halves(conflict(LENGTHY))
    assert len(demands) == 3
    assert any("Augmented melodic interval" in line for line in demands)


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "piece.yaml"
    with pytest.raises(NoSolution) as caught:
        composer.compose(spec("# a comment\n" + LEAP, path), effort=QUICK)
    assert {(f.file, f.line) for f in caught.value.faults if f.line} == {(path, 5)}


def test_a_rule_of_ones_own_can_be_the_reason(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "no_c.lp").write_text(
        'rule(no_c,"A high C"). message(no_c,"{voice} sings C5").\n'
        'advice(no_c,"Avoid it."). source(no_c,"common practice"). severity(no_c,hard).\n'
        "violation(no_c,T,(voice(V),)) :- active(no_c), pitch(V,T,203).\n"
    )
    text = "bars: 1\nrule_folders: [mine]\ngiven:\n  soprano: c''1\n"
    with pytest.raises(NoSolution) as caught:
        composer.compose(spec(text, tmp_path / "piece.yaml"), effort=QUICK)
    demands, _ = halves(caught.value.faults)
    assert any("A high C: Soprano sings C5." in line for line in demands)
