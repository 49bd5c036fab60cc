"""Scores that were read before, kept in the user's cache folder.

A lost, broken or unwritable cache is never an error: the score is then read anew. Knows how a
score is written as JSON, and nothing of where it came from.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from cspcomposer import __version__
from cspcomposer.score import Chord, Key, Measure, Note, Score, Signature, Voice


def folder() -> Path:
    """Return the cache folder; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "cspcomposer" / "scores"


def key(content: bytes, *salt: str) -> str:
    """Return the name under which what is read from this content is kept.

    Args:
        content: The file.
        *salt: Whatever else the result hangs on: options, the reader's own version.
    """
    digest = hashlib.sha256(content)
    for text in (__version__, *salt):
        digest.update(b"\0" + text.encode())
    return digest.hexdigest()


def load(name: str) -> Score | None:
    """Return the score kept under a name, or None if there is none that can be used."""
    try:
        return _score(json.loads((folder() / f"{name}.json").read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def store(name: str, score: Score) -> None:
    """Keep a score under a name; silently does nothing where the folder cannot be written."""
    text = json.dumps(_plain(score), separators=(",", ":"))
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder(), suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, folder() / f"{name}.json")
        except OSError:
            Path(temporary).unlink(missing_ok=True)
    except OSError:
        return


def _plain(score: Score) -> dict[str, Any]:
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


def _score(plain: dict[str, Any]) -> Score:
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
