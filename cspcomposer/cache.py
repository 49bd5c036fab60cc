"""Scores that were read before, kept in the user's cache folder.

A lost, broken or unwritable cache is never an error: the score is then read anew. Knows
nothing of where they came from.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cspcomposer import __version__, kept
from cspcomposer.score import Score
from cspcomposer.score_data import plain, scored

_SHELF = "scores"


def folder() -> Path:
    """Return the cache folder; it need not exist."""
    return kept.folder(_SHELF)


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
    data = kept.load(_SHELF, f"{name}.json")
    try:
        return scored(json.loads(data)) if data is not None else None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def store(name: str, score: Score) -> None:
    """Keep a score under a name; silently does nothing where the folder cannot be written."""
    kept.store(_SHELF, f"{name}.json", json.dumps(plain(score), separators=(",", ":")))
