"""Messages between processes: pickled, with their length before them."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

HEAD = 8


def packed(message: Any) -> bytes:
    """Return a message as bytes."""
    data = pickle.dumps(message)
    return len(data).to_bytes(HEAD, "big") + data


def write(out: BinaryIO, message: Any) -> None:
    """Write a message."""
    out.write(packed(message))
    out.flush()


def read(source: BinaryIO) -> Any | None:
    """Return the next message, None where there is no more."""
    size = source.read(HEAD)
    if len(size) < HEAD:
        return None
    return unpacked(source.read(int.from_bytes(size, "big")))


def unpacked(data: bytes) -> Any:
    """Return the message that bytes hold; their length is not among them."""
    return pickle.loads(data)
