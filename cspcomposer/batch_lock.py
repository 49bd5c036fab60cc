"""Who may write into the folder of a batch: one run, or one for each of so many shards.

Knows nothing of what is written. Where a system has no locks nobody is kept out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cspcomposer.errors import BadInput, Fault

try:
    import fcntl
except ImportError:  # no such locks on Windows
    fcntl = None  # type: ignore[assignment]

FOLDER, TURN = ".manifest.lock", ".manifest-turn.lock"


class Entry:
    """The right to write into a folder, until it is closed or the process ends.

    Attributes:
        alone: Whether no other run has it; where there is a shard, until `share` is called.
    """

    def __init__(self, folder: Path, shard: tuple[int, int] | None) -> None:
        """Enter a folder.

        Raises:
            BadInput: another run is there whose pieces may be the same.
        """
        self._folder = folder
        self._held = [_opened(folder / FOLDER)]
        try:
            self.alone = _lock(self._held[0])
            if shard is None:
                if not self.alone:
                    raise self._taken("another run is writing into this folder.")
                return
            number, of = shard
            if self.alone:
                self._held[0].truncate(0)
                self._held[0].write(str(of).encode())
                self._held[0].flush()
            self._know_others(of)
            self._held.append(_opened(folder / f".manifest-{number}-of-{of}.lock"))
            if not _lock(self._held[1]):
                raise self._taken("another run is writing this shard.")
        except BaseException:
            self.close()
            raise

    def _know_others(self, of: int) -> None:
        if not self.alone and not _lock(self._held[0], shared=True):
            raise self._taken("another run is writing into this folder.")
        self._held[0].seek(0)
        there = self._held[0].read().decode("ascii", "replace")
        if there != str(of):
            raise self._taken(f"another run is writing into this folder, a shard of {there}.")

    def share(self) -> None:
        """Let other shards in."""
        if self.alone:
            self.alone = False
            if not _lock(self._held[0], shared=True):
                raise self._taken("another run is writing into this folder.")

    def close(self) -> None:
        """Leave the folder to others."""
        for file in self._held:
            file.close()

    def _taken(self, message: str) -> BadInput:
        hint = "Wait for it, choose another --out, or divide the work with --shard."
        return BadInput(Fault(message, self._folder, hint=hint))


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until no other shard writes what all of them write."""
    with _opened(folder / TURN) as file:
        _lock(file, wait=True)
        yield


def _opened(path: Path) -> IO[bytes]:
    return path.open("a+b")


def _lock(file: IO[bytes], *, shared: bool = False, wait: bool = False) -> bool:
    """Return whether a file could be locked, or locks are not known here."""
    if fcntl is None:
        return True
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, how if wait else how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True
