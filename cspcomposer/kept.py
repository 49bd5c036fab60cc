"""What was made before, kept in the user's cache folder under the digest of what it is made from.

So nothing kept is ever out of date. A lost, broken or unwritable cache is never an error: what is
missing is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cspcomposer.files import write_atomically


def digest(maker: str, parts: Iterable[str]) -> str:
    """Return the name under which something is kept.

    Args:
        maker: The file of the module that makes it, on whose text it hangs too.
        parts: What it is made from.
    """
    found = hashlib.sha256(_text(maker))
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part.encode())
    return found.hexdigest()


def folder(shelf: str) -> Path:
    """Return the folder of a shelf; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "cspcomposer" / shelf


def load(shelf: str, name: str) -> bytes | None:
    """Return what is kept under a name on a shelf, or None."""
    try:
        return (folder(shelf) / name).read_bytes()
    except OSError:
        return None


def store(shelf: str, name: str, data: bytes | str) -> None:
    """Keep something under a name on a shelf, where that can be done."""
    with contextlib.suppress(OSError):
        write_atomically(folder(shelf) / name, data)


@cache
def _text(maker: str) -> bytes:
    return Path(maker).read_bytes()
