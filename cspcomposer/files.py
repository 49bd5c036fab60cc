"""Writing a file so that a reader never meets half of it. Knows nothing of what is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let a refusal of the disk (full, or gone) say which file it was about."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise


def write_atomically(path: Path, data: bytes | str) -> Path:
    """Write a whole file or nothing: to a temporary file beside it, then renamed into place.

    Args:
        path: Where to write; missing directories are made.
        data: Text is written as UTF-8 with plain line feeds.

    Returns:
        The path.

    Raises:
        OSError: the disk refused; what stood at the path before is unharmed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with named(path), temporary.open("wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
