"""The folder of a batch: its pieces' files, and the manifest, which has a line for every job.

A line is written when its files are; a line or a file that is not whole is as if it were not there.
Only one program at a time writes a manifest. Knows nothing of music.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cspcomposer.errors import BadInput, Fault, counted
from cspcomposer.files import write_atomically

PIECES = "pieces"
EARLIER = "earlier.jsonl"
ABOUT = "batch.json"
SYNCED = 1.0
Line = dict[str, Any]


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
        folder.mkdir(parents=True, exist_ok=True)
        name = "manifest" if shard is None else f"manifest-{shard[0]}-of-{shard[1]}"
        self.path = folder / f"{name}.jsonl"
        self._lock = _locked(folder / f".{name}.lock", self.path)
        self._begun = folder / f".{name}.begun"
        shutil.rmtree(self._begun, ignore_errors=True)
        self._spots: dict[str, Spot] = {}
        self._torn = False
        for path in [folder / EARLIER, *_manifests(folder, last=self.path)]:
            self._read(path)
        self._out: IO[bytes] | None = None
        self._synced = 0.0

    def close(self) -> None:
        """Let others write here."""
        if self._out:
            self._sync()
            self._out.close()
            self._out = None
        shutil.rmtree(self._begun, ignore_errors=True)
        self._lock.close()

    def status(self, name: str) -> str:
        """Return what became of a job; "" if that is not known."""
        spot = self._spots.get(name)
        return spot.status if spot else ""

    def line(self, name: str) -> Line:
        """Return what a manifest says of a job."""
        spot = self._spots[name]
        with spot.path.open("rb") as file:
            file.seek(spot.offset)
            found: Line = json.loads(file.readline())
        return found

    def mine(self) -> Iterator[Line]:
        """Yield the lines of this manifest, not of other shards'."""
        for name, spot in [*self._spots.items()]:
            if spot.path == self.path:
                yield self.line(name)

    def whole(self, line: Line) -> bool:
        """Return whether a job's files are as they were written; what is amiss is noted."""
        for name, digest in line.get("files", {}).items():
            try:
                found = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
            except OSError:
                found = "missing"
            if found != digest:
                what = "is missing" if found == "missing" else "is not as it was written"
                self.notes.append(f"{name} {what}: the piece is composed again.")
                return False
        return True

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
            begun.write_bytes(content)
            begun.replace(self.folder / place / begun.name)
            written[(place / begun.name).as_posix()] = hashlib.sha256(content).hexdigest()
        whole = {**line, "files": written}
        self._append(whole)
        return whole

    def keep(self, name: str) -> None:
        """Have the line of a job in this manifest, if it stands in an earlier one only."""
        if self._spots[name].path.name == EARLIER:
            self._append(self.line(name))

    def finish(self, names: Iterable[str]) -> None:
        """Put the lines of this manifest in order, each once; others are set aside.

        Args:
            names: The jobs of this batch, in order.
        """
        if self._out:
            self._sync()
        order = {name: place for place, name in enumerate(names)}
        mine = [(n, s) for n, s in self._spots.items() if s.path == self.path]
        good = sorted(((order[n], s) for n, s in mine if n in order), key=lambda found: found[0])
        offsets = [spot.offset for _, spot in good]
        others = [spot.offset for n, spot in mine if n not in order]
        if not self._torn and not others and offsets == self._offsets():
            return
        if others:
            with (self.folder / EARLIER).open("ab") as out:
                out.writelines(_lines(self.path, others))
                out.flush()
                os.fsync(out.fileno())
        begun = self.folder / f".{self.path.name}.tmp"
        with begun.open("wb") as out:
            out.writelines(_lines(self.path, offsets))
            out.flush()
            os.fsync(out.fileno())
        begun.replace(self.path)
        self._close_out()
        self._spots = {n: s for n, s in self._spots.items() if s.path != self.path}
        self._read(self.folder / EARLIER)
        self._read(self.path)

    def about(self, data: Mapping[str, Any]) -> None:
        """Write what the batch as a whole is."""
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.folder / ABOUT, text)

    def _append(self, line: Line) -> None:
        if self._out is None:
            self._mend()
            self._out = self.path.open("ab")
        offset = self._out.tell()
        self._out.write(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        )
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

    def _read(self, path: Path) -> None:
        torn = 0
        for offset, line in _read(path):
            if line is None:
                torn += 1
            else:
                self._spots[line["id"]] = Spot(path, offset, str(line["status"]))
        if torn:
            self._torn = self._torn or path == self.path
            many = f"{counted(torn, 'line')} {'is' if torn == 1 else 'are'}"
            self.notes.append(f"{path.name}: {many} torn, and passed over.")


def lines(folder: Path) -> Iterator[Line]:
    """Yield the last line of each job in the manifests of a folder, in their order.

    Raises:
        BadInput: there is no manifest.
    """
    paths = _manifests(folder)
    if not paths:
        hint = "Name the folder that 'cspcomposer batch SPEC --out DIR' wrote."
        raise BadInput(Fault("there is no manifest.jsonl in this folder.", folder, hint=hint))
    last: dict[str, tuple[Path, int]] = {}
    for path in paths:
        for offset, line in _read(path):
            if line is not None:
                last[line["id"]] = (path, offset)
    for path in paths:
        for offset, line in _read(path):
            if line is not None and last[line["id"]] == (path, offset):
                yield line


def piece_data(folder: Path, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the JSON file of a piece; nothing where that is lost."""
    for name in line.get("files", ()):
        if name.endswith(".json"):
            try:
                found: dict[str, Any] = json.loads((folder / name).read_bytes())
            except (OSError, ValueError):
                return {}
            return found
    return {}


def about(folder: Path) -> dict[str, Any]:
    """Return what a batch as a whole is; empty where that is not known."""
    try:
        found = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _manifests(folder: Path, *, last: Path | None = None) -> list[Path]:
    found = sorted(folder.glob("manifest*.jsonl"))
    if last is None:
        return found
    return [*(path for path in found if path != last), *([last] if last in found else [])]


def _read(path: Path) -> Iterator[tuple[int, Line | None]]:
    """Yield where each line of a manifest begins, and what it says; None for one that is torn."""
    offset = 0
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for text in file:
            if text.strip():
                try:
                    line = json.loads(text)
                    good = isinstance(line, dict) and {"id", "status", "inputs"} <= set(line)
                except ValueError:
                    good = False
                yield offset, line if good and text.endswith(b"\n") else None
            offset += len(text)


def _lines(path: Path, offsets: Sequence[int]) -> Iterator[bytes]:
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            yield file.readline()


def _locked(path: Path, manifest: Path) -> IO[bytes]:
    """Return a file whose lock this process holds until it is closed, or the process ends.

    Raises:
        BadInput: another one holds it.
    """
    file = path.open("wb")
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        hint = "Wait for it, choose another --out, or divide the work with --shard."
        raise BadInput(
            Fault("another run is writing this manifest.", manifest, hint=hint)
        ) from None
    except OSError:  # a file system without locks
        pass
    return file
