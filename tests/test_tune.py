"""What is known of an invented line before its pitches are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from composing import spec

from cspcomposer import facts, facts_lines, stages, tune
from cspcomposer.score import Note, Voice

PIECE = """
key: C major
metre: 3/4
harmonic_rhythm: bar
phrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]
"""


def test_an_upbeat_is_no_part_of_the_phrase_before_it() -> None:
    outline = stages.outline(spec(PIECE), {})
    bars = tuple(Note(Fraction(3 * bar), Fraction(3), 130) for bar in range(4))
    line = Voice("melody", "Melody", "treble", ())
    empty = facts_lines.silent(outline, line, [Voice("bass", "Bass", "bass", bars)])
    # The first phrase comes to rest on the fourth note; the fifth leads into the next one.
    notes = tuple((Fraction(time), Fraction(1)) for time in (0, 1, 2, 3, 5, 6, 7, 8, 9))
    laid = replace(empty, further=tuple(onset for onset, _ in notes))
    assert "phrase(0,3,5).\nphrase(6,9,9)." in facts.facts(laid)
    told = tune._phrased(laid, notes).splitlines()
    assert [line for line in told if line.startswith("phrase(")] == [
        "phrase(0,3,3).", "phrase(5,9,9).",
    ]  # fmt: skip
    # A line below the melody keeps the melody's phrases.
    below = replace(laid, score=replace(laid.score, voices=laid.score.voices[::-1]))
    assert tune._phrased(below, notes) == facts.facts(below)
