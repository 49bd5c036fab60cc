"""A passage of text that remembers where each of its characters stands in its file.

A melody inside a YAML scalar was unquoted, unescaped and unindented before a parser sees it; this
module leads back from an offset in that text to the line and column that the user wrote.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

from cspcomposer.errors import Fault

_ESCAPED_SPACE = set(" tnrvfNLP_\n\t")
_ESCAPE_WIDTH = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True)
class Passage:
    """A text and where it comes from.

    Attributes:
        text: What is to be understood.
        file: Where it stands, or None.
        key: The key of the spec that holds it; "" for a file of its own.
        source: The whole file; "" if the text is all of it.
        origins: The offset in the source of each character and of the end; empty if the same.
    """

    text: str
    file: Path | None = None
    key: str = ""
    source: str = ""
    origins: tuple[int, ...] = ()

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column (from 1) in the file of an offset in the text."""
        source, at = self._origin(offset)
        return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)

    def line_end(self, offset: int) -> int:
        """Return the offset in the text where the file's line with that offset ends."""
        source, at = self._origin(offset)
        end = source.find("\n", at)
        if end < 0:
            return len(self.text)
        return bisect_left(self.origins, end) if self.origins else end

    def fault(self, offset: int, message: str, hint: str = "") -> Fault:
        """Return a fault that points at an offset in the text."""
        line, column = self.place(offset)
        message = message if message.endswith((".", "?")) else message + "."
        return Fault(message, self.file, line, column, self.key, hint)

    def _origin(self, offset: int) -> tuple[str, int]:
        return (self.source, self.origins[offset]) if self.origins else (self.text, offset)


def origins(source: str, start: int, text: str, style: str) -> tuple[int, ...]:
    r"""Return where in a file each character of an unquoted text stands, and where it ends.

    Only what is no white space is traced: folding and indentation change nothing else.

    Args:
        source: The whole file.
        start: The offset behind the opening quote or the block's header.
        text: The text as it was understood.
        style: '"' where backslashes escape, "'" where a quote is doubled, else "".

    >>> origins("a: 'it''s'", 4, "it's", "'")
    (4, 5, 6, 8, 9)
    """
    at, found = start, []
    for char in text:
        if not char.isspace():
            at = _skip_space(source, at, style)
        found.append(min(at, len(source)))
        if char.isspace():
            continue
        if style == '"' and source.startswith("\\", at):
            at += _ESCAPE_WIDTH.get(source[at + 1 : at + 2], 2)
        else:
            at += 2 if style == "'" and source.startswith("''", at) else 1
    return (*found, min(at, len(source)))


def _skip_space(source: str, at: int, style: str) -> int:
    while at < len(source):
        if source[at].isspace():
            at += 1
        elif style == '"' and source[at] == "\\" and source[at + 1 : at + 2] in _ESCAPED_SPACE:
            at += 2
        else:
            break
    return at
