"""Scores that were read before, kept in the user's cache folder.

A lost, broken or unwritable cache is never an error: the score is then read anew. Knows
nothing of where they came from.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from cspcomposer import __version__
from cspcomposer.score import Score
from cspcomposer.score_data import plain, scored


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
        return scored(json.loads((folder() / f"{name}.json").read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def store(name: str, score: Score) -> None:
    """Keep a score under a name; silently does nothing where the folder cannot be written."""
    text = json.dumps(plain(score), separators=(",", ":"))
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
