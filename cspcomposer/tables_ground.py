"""A ground program in clingo's own form (aspif), as arrays: which bodies has which head.

Only what is asked for is turned into Python's own things; most of a ground program is never asked
for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ATOM = re.compile(rb"^4 \d+ (.*?) (?:0|1 (\d+))$", re.MULTILINE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+|[\w#\x27-]+|[(),]')
_ESCAPED = re.compile(r"\\(.)")
Body = tuple[int, ...]
Sum = tuple[int, tuple[tuple[int, int], ...]]


class Program:
    """A ground program; a choice is left out of it, since its atoms are what is open.

    Attributes:
        names: By literal, the text of an atom that does not hold in any case.
        facts: The texts of those that do.
        sums: By head, least sum, and literals with weights, of each rule that counts.
        top: The highest literal.
    """

    def __init__(self, text: bytes) -> None:
        self.names: dict[int, str] = {}
        self.facts: list[str] = []
        for name, literal in _ATOM.findall(text):
            if literal:
                self.names[int(literal)] = name.decode()
            else:
                self.facts.append(name.decode())
        self.sums: dict[int, list[Sum]] = defaultdict(list)
        lines = [line for line in text.split(b"\n") if line.startswith(b"1 0 ")]
        self._flat = np.fromstring(b" ".join(lines).decode(), np.int64, sep=" ")
        widths = np.array([line.count(b" ") + 1 for line in lines], np.int64)
        if widths.sum() != len(self._flat):
            raise ValueError("not a ground program")
        begin = np.cumsum(widths) - widths
        several = self._flat[begin + 2]
        if (several > 1).any():
            raise ValueError("a rule with several heads has no tables")
        begin = begin[several == 1]
        heads, counts = self._flat[begin + 3], self._flat[begin + 4] == 1
        self._take_sums(begin[counts])
        heads, begin = heads[~counts], begin[~counts]
        order = np.argsort(heads, kind="stable")
        self._heads, self._begin = heads[order], begin[order] + 6
        self._widths = self._flat[self._begin - 1]
        first = np.flatnonzero(np.diff(self._heads, prepend=-1))
        ends = np.append(first[1:], len(self._heads))
        self._rows = {
            head: (i, j)
            for head, i, j in zip(
                self._heads[first].tolist(), first.tolist(), ends.tolist(), strict=True
            )
        }
        self.top = max(int(np.abs(self._flat).max(initial=1)), max(self.names, default=1))

    def _take_sums(self, begin: NDArray[np.int64]) -> None:
        for at in begin.tolist():
            head, _, least, count = self._flat[at + 3 : at + 7].tolist()
            parts = self._flat[at + 7 : at + 7 + 2 * count].reshape(-1, 2).tolist()
            self.sums[head].append((least, tuple((part, weight) for part, weight in parts)))

    def __contains__(self, literal: int) -> bool:
        return literal in self._rows or literal in self.sums

    def bodies(self, head: int) -> list[Body]:
        """Return the bodies of a head as literals, negative for "not"."""
        i, j = self._rows.get(head, (0, 0))
        spans = zip(self._begin[i:j].tolist(), self._widths[i:j].tolist(), strict=True)
        return [tuple(self._flat[at : at + width].tolist()) for at, width in spans]

    def block(self, head: int, least: int) -> NDArray[np.int64] | None:
        """Return at least so many bodies of a head, if they are of one length: [body, literal]."""
        i, j = self._rows.get(head, (0, 0))
        if j - i < least or head in self.sums:
            return None
        width = int(self._widths[i])
        if not width or (self._widths[i:j] != width).any():
            return None
        found: NDArray[np.int64] = self._flat[self._begin[i:j, None] + np.arange(width)]
        return found


def terms(text: str) -> tuple[Any, ...]:
    """Return the arguments of an atom.

    A string is a `str`, a number an `int`, a constant its name, a function or tuple its name and
    its arguments.

    >>> terms('charge(price(3,"V"),(alto,-1))')
    (('price', (3, 'V')), ('', ('alto', -1)))
    """
    tokens = iter(_TOKEN.findall(text[text.find("(") :])) if "(" in text else iter(())
    return _terms(tokens) if next(tokens, None) else ()


def _terms(tokens: Iterator[str]) -> tuple[Any, ...]:
    """Return terms up to the bracket that closes them."""
    out: list[Any] = []
    name: str | None = None
    for token in tokens:
        if token == "(":
            if name is not None:
                out.pop()
            out.append((name or "", _terms(tokens)))
            name = None
        elif token == ")":
            break
        elif token == ",":
            name = None
        else:
            name = token
            out.append(_plain(token))
    return tuple(out)


@lru_cache(maxsize=1 << 14)
def _plain(token: str) -> Any:
    if token[0] == '"':
        return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], token[1:-1])
    return int(token) if token.lstrip("-").isdigit() else token
