"""Where there is no solution the user is told which given notes and which rule collide."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import QUICK, spec

from cspcomposer import compose as composer
from cspcomposer.errors import Fault, NoSolution

CADENCE = """key: C major
harmonic_rhythm: beat
phrases: [{bars: 2, cadence: authentic}]
given:
  bass: |
    c4 d e f |
    g4 a g2
"""
STEPS = """key: C major
bars: 1
given:
  numerals: |
    m1 C: I b2 V6
    b3 I6 b4 I
"""
CHORD = """key: C major
bars: 2
given:
  bass: c1 | c1
  numerals: |
    m1 C: I
    m2 I6
"""
LENGTHY = """key: G major
harmonic_rhythm: beat
phrases: [{bars: 4, cadence: half}, {bars: 4, cadence: authentic}]
given:
  bass: |
    g4 fis g b, | c d e c | b, c d e | c a, d2 |
    g4 b, c fis | g e c a, | d4 g c a, | d4 c d2
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


def test_a_given_note_and_a_cadence_that_collide_are_named_with_their_places() -> None:
    demands, way = halves(conflict(CADENCE))
    cadence = [line for line in demands if "Another cadence than asked for" in line]
    notes = [line for line in demands if line.startswith("piece.yaml:7:")]
    assert len(cadence) == len(notes) == 1 and len(demands) == 2
    assert "given.bass: " in notes[0] and "is given in bar 2" in notes[0]
    assert len(way) == 1


def test_chords_that_are_asked_for_collide_with_a_rule() -> None:
    demands, way = halves(conflict(STEPS))
    assert [line for line in demands if "Given inversion changed" not in line] == [
        "bar 1, beat 3: Unresolved leading tone: The leading tone in bass does not rise."
    ]
    assert {line.partition(": ")[0] for line in demands[:2]} == {"piece.yaml:4:3"}
    assert len(demands) == 3
    assert len(way) == 1


def test_an_inversion_that_a_given_bass_does_not_allow_is_named() -> None:
    demands, _ = halves(conflict(CHORD))
    assert any("bar 2, beat 1: Given inversion changed" in line for line in demands)


def test_in_a_longer_piece_the_conflict_stays_small() -> None:
    demands, _ = halves(conflict(LENGTHY))
    assert len(demands) <= 3
    assert any("Another cadence than asked for" in line for line in demands)


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "piece.yaml"
    with pytest.raises(NoSolution) as caught:
        composer.compose(spec("# a comment\n" + CADENCE, path), effort=QUICK)
    assert {(f.file, f.line) for f in caught.value.faults if f.line} == {(path, 8)}


def test_a_rule_of_ones_own_can_be_the_reason(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "no_c.lp").write_text(
        'rule(no_c,"A high C"). message(no_c,"{voice} sings C5").\n'
        'advice(no_c,"Avoid it."). source(no_c,"common practice"). severity(no_c,hard).\n'
        "violation(no_c,T,(voice(V),)) :- active(no_c), highest(V), pitch(V,T,P), P < 205.\n"
    )
    text = "voices: [{name: soprano, range: c'' cis''}, bass]\nbars: 1\nrule_folders: [mine]\n"
    with pytest.raises(NoSolution) as caught:
        composer.compose(spec(text, tmp_path / "piece.yaml"), effort=QUICK)
    demands, _ = halves(caught.value.faults)
    assert any("A high C: Soprano sings C5." in line for line in demands)
