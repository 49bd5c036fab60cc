"""A score as plain data for JSON, and back again: nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cspcomposer.score import Chord, Key, Measure, Note, Score, Signature, Voice


def plain(score: Score) -> dict[str, Any]:
    """Return a score as plain data for JSON; times are texts such as 3/2, pitches base-40."""
    return {
        "head": [score.title, score.composer, str(score.tempo)],
        "voices": [
            [v.name, v.label, v.clef,
             [[str(n.onset), str(n.duration), n.pitch, n.lyrics, n.fermata] for n in v.notes]]
            for v in score.voices
        ],
        "measures": [[m.number, str(m.onset), str(m.length), m.beats, m.unit]
                     for m in score.measures],
        "signatures": [[str(s.onset), s.fifths] for s in score.signatures],
        "keys": [[str(k.onset), k.tonic, k.mode] for k in score.keys],
        "chords": [[str(c.onset), c.numeral, c.inversion, c.figured] for c in score.chords],
        "phrase_ends": [str(t) for t in score.phrase_ends],
    }  # fmt: skip


def scored(plain: Mapping[str, Any]) -> Score:
    """Return the score that some plain data stand for.

    Raises:
        ValueError, TypeError, KeyError, IndexError: they are not what `plain` returned.
    """
    title, composer, tempo = plain["head"]
    return Score(
        title=title,
        composer=composer,
        tempo=Fraction(tempo),
        voices=tuple(
            Voice(
                name,
                label,
                clef,
                tuple(
                    Note(Fraction(onset), Fraction(duration), pitch, tuple(lyrics), fermata)
                    for onset, duration, pitch, lyrics, fermata in notes
                ),
            )
            for name, label, clef, notes in plain["voices"]
        ),
        measures=tuple(
            Measure(number, Fraction(onset), Fraction(length), beats, unit)
            for number, onset, length, beats, unit in plain["measures"]
        ),
        signatures=tuple(Signature(Fraction(t), fifths) for t, fifths in plain["signatures"]),
        keys=tuple(Key(Fraction(t), tonic, mode) for t, tonic, mode in plain["keys"]),
        chords=tuple(Chord(Fraction(t), *rest) for t, *rest in plain["chords"]),
        phrase_ends=tuple(Fraction(t) for t in plain["phrase_ends"]),
    )
