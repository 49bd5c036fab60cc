"""A file of keys and values as plain data, with the place of everything in it.

Knows no specification (what keys mean is not asked here) and no syntax: see `yamlfile` for YAML
and JSON, `tomlfile` for TOML. What can be wrong with bytes as such is found here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from cspcomposer.errors import BadSpec, Fault
from cspcomposer.passage import Passage, origins

MOST_BYTES = 1 << 17
MOST_DEPTH = 12
TOO_DEEP = f"more than {MOST_DEPTH} levels deep: this is no specification."
Where = tuple[str | int, ...]
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass
class Document:
    """A file that was read.

    Attributes:
        path: The file.
        source: Its text, lines ending in plain line feeds.
        data: The top mapping; sequences are lists.
        keys: The offset of each key, by its way from the top.
        values: The offset and the style (quote, "|", ">", "" for plain) of each value.
        faults: What is wrong although the file could be read.
    """

    path: Path
    source: str
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Where, int] = field(default_factory=dict)
    values: dict[Where, tuple[int, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, way: Where, *, key: bool = False) -> tuple[int, int]:
        """Return line and column of a value (or of its key), or of what encloses it."""
        return self.at(self.offset(way, key=key))

    def offset(self, way: Where, *, key: bool = False) -> int:
        """Return the offset of a value (or of its key), or of what encloses it."""
        for end in range(len(way), 0, -1):
            inner = way[:end]
            if inner in self.values and not (key and inner in self.keys):
                return self.values[inner][0]
            if inner in self.keys:
                return self.keys[inner]
        return 0

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of an offset."""
        line_start = self.source.rfind("\n", 0, offset)
        return self.source.count("\n", 0, offset) + 1, offset - line_start

    def passage(self, way: Where, text: str) -> Passage:
        """Return a text value as a passage that knows where its characters stand."""
        start, style = self.values.get(way, (self.offset(way), "?"))
        if style in ("|", ">"):
            start = max(self.source.find("\n", start) + 1, start)
        elif style in ('"', "'", "'''", '"""', "raw"):
            start += 3 if len(style) == 3 and style != "raw" else 1
        escapes = {'"': '"', '"""': '"', "'": "'"}.get(style, "")
        if style == "?":  # an inline TOML value: all that is known is the line
            spots = (start,) * (len(text) + 1)
        else:
            spots = origins(self.source, start, text, escapes)
        return Passage(text, self.path, dotted(way), self.source, spots)

    def complain(self, offset: int, message: str, hint: str = "", way: Where = ()) -> None:
        """Note a fault at an offset."""
        self.faults.append(Fault(message, self.path, *self.at(offset), dotted(way), hint))

    def stop(self, offset: int, message: str, hint: str = "") -> NoReturn:
        """Note a fault behind which nothing can be read, and raise all of them."""
        self.complain(min(offset, len(self.source)), message, hint)
        raise BadSpec(*self.faults)


def dotted(way: Where) -> str:
    """Return a way from the top as it is shown, list items counted from 1: ``phrases.2.bars``."""
    return ".".join(str(step + 1) if isinstance(step, int) else step[:60] for step in way)


def load(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        BadSpec: it is missing, no file, too large, or may not be read.
    """
    try:
        if path.is_dir():
            raise BadSpec(Fault("this is a folder.", path, hint="Name a file, such as piece.yaml."))
        if not path.exists():
            raise BadSpec(Fault("no such file.", path))
        if not path.is_file():
            raise BadSpec(Fault("this is no ordinary file.", path))
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadSpec(Fault(f"cannot be read: {error.strerror or error}.", path)) from None
    except ValueError:
        raise BadSpec(Fault("this is no file name.", path)) from None
    return raw


def opened(raw: bytes, path: Path) -> Document:
    """Return bytes as a document that holds its text, but no data yet.

    Raises:
        BadSpec: this is no text, or none that could be a specification.
    """
    if len(raw) > MOST_BYTES:
        size = MOST_BYTES // 1024
        raise BadSpec(Fault(f"larger than {size} KiB: this is no specification.", path, 1, 1))
    document = Document(path, _decoded(raw, path))
    if not document.source.strip():
        raise BadSpec(Fault("the file is empty.", path, 1, 1, hint="Write such as: bars: 8"))
    if found := _CONTROL.search(document.source):
        document.stop(
            found.start(),
            f"the character U+{ord(found[0]):04X} has no place in a text.",
            "Is this a binary file?" if found[0] == "\0" else "Remove it.",
        )
    return document


def _decoded(raw: bytes, path: Path) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8", "replace")
        what = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {raw[error.start]:#x}"
        line, column = good.count("\n") + 1, len(good) - good.rfind("\n")
        hint = "Save the file as UTF-8."
        fault = Fault(f"this is no UTF-8 text: found {what}.", path, line, column, hint=hint)
        raise BadSpec(fault) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
