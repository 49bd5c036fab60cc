"""The folder of a batch, written to: its pieces' files, and a manifest with a line for every job.

A line is written when its files are. Only one program at a time writes a manifest. Knows nothing of
music.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from cspcomposer import batch_lines, batch_lock
from cspcomposer.batch_lines import ABOUT, MANIFEST, Line, manifests, texts
from cspcomposer.errors import BadInput, Fault, counted
from cspcomposer.files import named, write_atomically

PIECES = "pieces"
EARLIER = "earlier.jsonl"
SYNCED = 1.0


@dataclass(frozen=True)
class Spot:
    """Where a line of a manifest stands."""

    path: Path
    offset: int
    status: str


class Manifest:
    """The folder of a batch, open for writing.

    Attributes:
        folder: The folder.
        notes: What was found amiss, as sentences.
    """

    def __init__(self, folder: Path, *, shard: tuple[int, int] | None = None) -> None:
        self.folder, self.notes = folder, list[str]()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            say = "this is a file: the pieces of a batch go into a folder."
            raise BadInput(Fault(say, folder)) from None
        name = "manifest" if shard is None else f"manifest-{shard[0]}-of-{shard[1]}"
        self.path = folder / f"{name}.jsonl"
        self._main = folder / MANIFEST
        self._entry = batch_lock.Entry(folder, shard)
        self._begun = folder / f".{name}.begun"
        shutil.rmtree(self._begun, ignore_errors=True)
        self._spots: dict[str, Spot] = {}
        self._torn = False
        self._out: IO[bytes] | None = None
        self._synced = 0.0
        self._read_from: dict[Path, IO[bytes]] = {}
        self._take_in(shard)
        self._read_all()

    def _read_all(self) -> None:
        self._close_read()
        self._spots = {}
        for path in [self.folder / EARLIER, *manifests(self.folder, last=self.path)]:
            self._spots |= self._read(path)

    def _close_read(self) -> None:
        while self._read_from:
            self._read_from.popitem()[1].close()

    def _take_in(self, shard: tuple[int, int] | None) -> None:
        """Have one manifest speak for the whole batch, where shards have others than before.

        Without a shard it speaks for all; nobody else writes here then.
        """
        if not self._entry.alone:
            return
        own = f"-of-{shard[1]}.jsonl" if shard else None
        others = [
            path for path in manifests(self.folder)
            if path != self._main and not (own and path.name.endswith(own))
        ]  # fmt: skip
        if others:
            known: dict[str, Spot] = {}
            for path in [self._main, *others]:
                known |= self._read(path)
            _rewrite(self._main, known.values())
            for path in others:
                path.unlink()
        if shard:
            self._entry.share()

    def close(self) -> None:
        """Let others write here."""
        if self._out:
            self._sync()
        self._close_out()
        self._close_read()
        shutil.rmtree(self._begun, ignore_errors=True)
        self._entry.close()

    def status(self, name: str) -> str:
        """Return what became of a job; "" if that is not known."""
        spot = self._spots.get(name)
        return spot.status if spot else ""

    def line(self, name: str) -> Line:
        """Return what a manifest says of a job."""
        spot = self._spots[name]
        # Held open: another shard may write its own anew.
        file = self._read_from.get(spot.path) or spot.path.open("rb")
        self._read_from[spot.path] = file
        file.seek(spot.offset)
        found: Line = json.loads(file.readline())
        return found

    def whole(self, line: Line) -> bool:
        """Return whether a job's files are as they were written; what is amiss is noted."""
        said = batch_lines.amiss(self.folder, line)
        if said:
            self.notes.append(f"{said}: the piece is composed again.")
        return not said

    def add(self, line: Mapping[str, Any], files: Mapping[str, bytes]) -> Line:
        """Write the files of a job, then its line; return the line.

        Args:
            line: What is said of it; `id` is its name.
            files: The files' contents by their endings.
        """
        name = str(line["id"])
        place = Path(PIECES) / name[:2]
        written = {}
        if files:
            self._begun.mkdir(exist_ok=True)
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        for ending, content in files.items():
            # Not waiting for the disk: what the power took is found by its digest.
            begun = self._begun / f"{name}{ending}"
            with named(begun):
                begun.write_bytes(content)
            begun.replace(self.folder / place / begun.name)
            written[(place / begun.name).as_posix()] = hashlib.sha256(content).hexdigest()
        whole = {**line, "files": written}
        self._append(whole)
        return whole

    def change(self, line: Line) -> Line:
        """Say something else of a job whose files stay; return the line."""
        self._append(line)
        return line

    def keep(self, name: str) -> None:
        """Have the line of a job in this manifest, if it stands where it might be set aside."""
        if self._spots[name].path not in (self.path, self._main):
            self._append(self.line(name))

    def finish(self, names: Iterable[str], whole: Callable[[], Collection[str]]) -> None:
        """Put the lines of this manifest in order, each once; others are set aside.

        Args:
            names: The jobs of this run, in order.
            whole: Returns the jobs of all shards.
        """
        if self._out:
            self._sync()
        order = {name: place for place, name in enumerate(names)}
        mine = [(n, s) for n, s in self._spots.items() if s.path == self.path]
        good = sorted(((order[n], s) for n, s in mine if n in order), key=lambda found: found[0])
        others = [spot for n, spot in mine if n not in order]
        if self._torn or others or [s.offset for _, s in good] != self._offsets():
            self._set_aside(others)
            _rewrite(self.path, [spot for _, spot in good])
        if self.path != self._main and self._main.exists():
            self._leave_to_shards(whole(), order)
        self._close_out()
        self._read_all()

    def _leave_to_shards(self, whole: Collection[str], order: Collection[str]) -> None:
        """Take from the whole batch's manifest what is said here, and what is no part of it."""
        mine = {n for n, s in self._spots.items() if s.path == self.path and n in order}
        with batch_lock.turn(self.folder):
            there = self._read(self._main)
            left = [s for n, s in there.items() if n in whole and n not in mine]
            if len(left) == len(there):
                return
            self._set_aside([s for n, s in there.items() if n not in whole])
            if left:
                _rewrite(self._main, left)
            else:
                self._main.unlink()

    def _set_aside(self, spots: Collection[Spot]) -> None:
        if spots:
            with named(self.folder / EARLIER), (self.folder / EARLIER).open("ab") as out:
                out.write(b"".join(_texts(spots)))
                out.flush()
                os.fsync(out.fileno())

    def about(self, data: Mapping[str, Any]) -> None:
        """Write what the batch as a whole is."""
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.folder / ABOUT, text)

    def _append(self, line: Line) -> None:
        if self._out is None:
            self._mend()
            self._out = self.path.open("ab")
        offset = self._out.tell()
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        with named(self.path):
            self._out.write(text.encode() + b"\n")
            self._out.flush()
        self._spots[line["id"]] = Spot(self.path, offset, line["status"])
        if time.monotonic() - self._synced > SYNCED:
            self._sync()

    def _sync(self) -> None:
        if self._out:
            os.fsync(self._out.fileno())
            self._synced = time.monotonic()

    def _close_out(self) -> None:
        if self._out:
            self._out.close()
            self._out = None

    def _mend(self) -> None:
        """Begin on a line of its own, after one that was torn off."""
        with contextlib.suppress(OSError), self.path.open("rb+") as file:
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")

    def _offsets(self) -> list[int]:
        """Return where the lines of this manifest begin."""
        found, offset = [], 0
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            for text in file:
                found.append(offset)
                offset += len(text)
        return found

    def _read(self, path: Path) -> dict[str, Spot]:
        """Return where the last line of each job stands in a manifest; torn ones are noted."""
        spots: dict[str, Spot] = {}
        torn = 0
        with contextlib.suppress(FileNotFoundError):
            file = self._read_from[path] = path.open("rb")
            for offset, line in batch_lines.read(file):
                if line is None:
                    torn += 1
                else:
                    spots[line["id"]] = Spot(path, offset, line["status"])
        if torn:
            self._torn = self._torn or path == self.path
            many = f"{counted(torn, 'line')} {'is' if torn == 1 else 'are'}"
            self.notes.append(f"{path.name}: {many} torn, and passed over.")
        return spots


def _rewrite(path: Path, spots: Iterable[Spot]) -> None:
    """Have a manifest consist of some lines."""
    begun = path.with_name(f".{path.name}.tmp")
    with named(begun), begun.open("wb") as out:
        out.writelines(_texts(spots))
        out.flush()
        os.fsync(out.fileno())
    begun.replace(path)


def _texts(spots: Iterable[Spot]) -> Iterator[bytes]:
    for path, several in groupby(spots, key=lambda spot: spot.path):
        yield from texts(path, [spot.offset for spot in several])
