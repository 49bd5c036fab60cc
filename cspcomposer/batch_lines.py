"""What stands in the folder of a batch: the lines of its manifests, and its pieces' data.

A line or a file that is not whole is as if it were not there. Where several manifests speak of one
piece, those of shards are newer than the whole batch's, which takes them in when it runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from cspcomposer.errors import BadInput, Fault

MANIFEST = "manifest.jsonl"
ABOUT = "batch.json"
WHICH = "Name the folder that 'cspcomposer batch SPEC --out DIR' wrote."
Line = dict[str, Any]
_KINDS = {
    "id": str, "status": str, "inputs": dict, "seed": int, "seconds": dict, "sha256": dict,
    "versions": dict, "files": dict,
}  # fmt: skip


def manifests(folder: Path, *, last: Path | None = None) -> list[Path]:
    """Return the manifests of a folder, what is newer after what is older.

    Args:
        folder: What a batch wrote.
        last: One that is newer than all others.
    """
    main = folder / MANIFEST
    found = [*([main] if main.exists() else []), *sorted(folder.glob("manifest-*-of-*.jsonl"))]
    return sorted(found, key=lambda path: path == last)


def lines(folder: Path) -> Iterator[Line]:
    """Yield what is known of each job: its last line in the newest manifest that has one.

    Raises:
        BadInput: there is no manifest.
    """
    with ExitStack() as opened:
        # Held open: one that is replaced meanwhile is read as it was.
        files = [opened.enter_context(path.open("rb")) for path in manifests(folder)]
        if not files:
            raise BadInput(Fault("there is no manifest.jsonl in this folder.", folder, hint=WHICH))
        last: dict[str, tuple[int, int]] = {}
        for number, file in enumerate(files):
            for offset, line in read(file):
                if line is not None:
                    last[line["id"]] = (number, offset)
        for number, file in enumerate(files):
            file.seek(0)
            for offset, line in read(file):
                if line is not None and last.get(line["id"]) == (number, offset):
                    yield line


def read(file: IO[bytes]) -> Iterator[tuple[int, Line | None]]:
    """Yield where each line of a manifest begins, and what it says; None for one that is torn."""
    offset = 0
    for text in file:
        if text.strip():
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            yield offset, line if _is_line(line) and text.endswith(b"\n") else None
        offset += len(text)


def _is_line(line: Any) -> bool:
    return (
        isinstance(line, dict)
        and all(isinstance(line.get(key), kind) for key, kind in _KINDS.items())
        and isinstance(line["seconds"].get("total"), int | float)
        and all(isinstance(line.get(key), list) or not line["files"] for key in ("cost", "bound"))
    )


def texts(path: Path, offsets: Sequence[int]) -> Iterator[bytes]:
    """Yield the lines of a manifest that begin at some offsets, as they stand there."""
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            yield file.readline()


def amiss(folder: Path, line: Mapping[str, Any]) -> str:
    """Return what is wrong with the files of a job, as a sentence; "" where all are whole."""
    for name in line["files"]:
        content = _content(folder, line, name)
        if content is None:
            what = "is not as it was written" if (folder / name).exists() else "is missing"
            return f"{name} {what}"
    return ""


def piece_data(folder: Path, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the JSON file of a piece; nothing where that is lost or changed."""
    name = next((name for name in line["files"] if name.endswith(".json")), None)
    content = _content(folder, line, name) if name else None
    found: dict[str, Any] = json.loads(content) if content else {}
    return found


def whole_data(folder: Path, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the JSON file of a piece.

    Raises:
        BadInput: it is lost or changed.
    """
    found = piece_data(folder, line)
    if not found:
        hint = "Run the batch once more: it composes again what is not whole."
        raise BadInput(Fault(f"the files of {line['id']} are not whole.", folder, hint=hint))
    return found


def about(folder: Path) -> dict[str, Any]:
    """Return what a batch as a whole is; empty where that is not known."""
    try:
        found = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _content(folder: Path, line: Mapping[str, Any], name: str) -> bytes | None:
    """Return what is in a file of a job; None where that is not what was written."""
    try:
        content = (folder / name).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == line["files"][name] else None
