"""A specification with swept values in their places, and what is said of such values.

Every value keeps the place where it stands in the file, so that messages point there.
"""

from __future__ import annotations

import copy
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from cspcomposer import key as keys
from cspcomposer.document import Document, Where
from cspcomposer.score import Key

_COMPARED = re.compile(r"\s*(<=|>=|!=|<|>)\s*(.+?)\s*")
_BOUND = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
MODES = ("major", "minor")
SWEEP = "sweep"
# A swept value lies so deep: sweep, matrix, key, and its place in the list.
LEAST_DEPTH = 4
# Where a name alone is short for keys and values: under which key the name then stands.
_SHORT = {"prior": "model", "voices": "name"}
_LONG = 40


@dataclass(frozen=True)
class Assignment:
    """The swept values of one combination.

    Attributes:
        ways: For each swept key, by its dotted name, where its value stands in the document.
    """

    ways: tuple[tuple[str, Where], ...]


class NoPlace(Exception):
    """A swept key leads through something that holds no keys.

    Attributes:
        axis: The key.
    """

    def __init__(self, axis: str, message: str) -> None:
        self.axis = axis
        super().__init__(message)


def value(document: Document, way: Where) -> Any:
    """Return what stands at a way from the top of a document."""
    found: Any = document.data
    for step in way:
        found = found[step]
    return found


def inputs(document: Document, assignment: Assignment) -> dict[str, Any]:
    """Return the swept values of a combination by their keys."""
    return {axis: value(document, way) for axis, way in assignment.ways}


class Template:
    """A specification file that takes swept values, each time a few of many.

    Attributes:
        document: The file.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._data = {k: v for k, v in document.data.items() if k != SWEEP}
        self._keys = {way: at for way, at in document.keys.items() if way[:1] != (SWEEP,)}
        self._values = {way: at for way, at in document.values.items() if way[:1] != (SWEEP,)}
        # What stands in a swept value is looked up by the value's way.
        self._keys_in = _within(document.keys)
        self._values_in = _within(document.values)

    def put(self, assignment: Assignment) -> Document:
        """Return the document without its sweep, and with swept values where they belong.

        Raises:
            NoPlace: a key leads through a text or a number, or behind the end of a list.
        """
        document = self.document
        data = copy.deepcopy(self._data)
        known, written = dict(self._keys), dict(self._values)
        for axis, source in assignment.ways:
            way = steps(axis)
            _set(data, way, copy.deepcopy(value(document, source)), axis)
            for table in (known, written):
                for old in [w for w in table if w[: len(way)] == way]:
                    del table[old]
            for depth in range(1, len(way)):
                known.setdefault(way[:depth], document.offset(source[:-1]))
            written[way] = document.offset(source), "?"
            for inner in self._values_in.get(source, ()):
                written[(*way, *inner)] = document.values[(*source, *inner)]
            for inner in self._keys_in.get(source, ()):
                if inner:
                    known[(*way, *inner)] = document.keys[(*source, *inner)]
        return replace(document, data=data, keys=known, values=written, faults=[])


def _within(table: Iterable[Where]) -> dict[Where, list[Where]]:
    """Return, by the way of what encloses them, the ways of all that stands within a sweep."""
    found: dict[Where, list[Where]] = {}
    for way in table:
        if way[:1] == (SWEEP,):
            for depth in range(LEAST_DEPTH, len(way) + 1):
                found.setdefault(way[:depth], []).append(way[depth:])
    return found


def steps(axis: str) -> Where:
    """Return a key's way from the top: list items count from 1 in its name, from 0 here."""
    return tuple(int(step) - 1 if step.isdecimal() else step for step in axis.split("."))


def _set(data: Any, way: Where, new: Any, axis: str) -> None:
    names = axis.split(".")
    for depth, step in enumerate(way):
        above = ".".join(names[:depth])
        if isinstance(step, int) and isinstance(data, list):
            if not 0 <= step < len(data):
                raise NoPlace(axis, f"{above} has no item {step + 1}")
        elif isinstance(step, int) or not isinstance(data, dict):
            what = "a list" if isinstance(data, list) else "keys and values"
            what = what if isinstance(data, list | dict) else f"'{label(data)}'"
            raise NoPlace(axis, f"{above} holds {what}, and nothing under '{names[depth]}'")
        if depth == len(way) - 1:
            data[step] = new
            return
        if isinstance(step, str):
            if step not in data and isinstance(way[depth + 1], int):
                raise NoPlace(axis, f"there is no {'.'.join(names[: depth + 1])}")
            data.setdefault(step, {})
        short = _SHORT.get(names[depth - isinstance(step, int)])
        if short and isinstance(data[step], str):
            data[step] = {short: data[step]}
        data = data[step]


def matches(axis: str, found: Any, wanted: Iterable[Any]) -> bool:
    """Return whether a swept value is one of those wanted.

    Args:
        axis: Its key.
        found: The value.
        wanted: Values, or such as "<= 80", "!= C major"; of a key also "major", "minor".
    """
    return any(_matches(axis, found, one) for one in wanted)


def _matches(axis: str, found: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        compared = _COMPARED.fullmatch(wanted)
        if compared and compared[1] == "!=":
            return not _matches(axis, found, _plain(compared[2]))
        if compared:
            bound = number(compared[2])
            here = number(found)
            return bound is not None and here is not None and _BOUND[compared[1]](here, bound)
        if _is_key(axis) and isinstance(found, str):
            key = _key(found)
            if key and wanted.strip().lower() in MODES:
                return key.mode == wanted.strip().lower()
            return found == wanted or (key is not None and key == _key(wanted))
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def never(axis: str, values: Sequence[Any], wanted: Any) -> tuple[str, str]:
    """Return why no value can be as wanted, and a hint; two empty texts where that can be.

    Args:
        axis: The swept key.
        values: Its values.
        wanted: A value, or such as "<= 80"; see `matches`.
    """
    if isinstance(wanted, str):
        compared = _COMPARED.fullmatch(wanted)
        if compared and compared[1] == "!=":
            return never(axis, values, _plain(compared[2]))
        if compared and number(compared[2]) is None:
            return f"found {wanted!r}, expected a number behind {compared[1]}.", ""
        if compared and all(number(value) is None for value in values):
            return f"found {wanted!r}, and {axis} is no number.", ""
        if compared or (_is_key(axis) and wanted.strip().lower() in MODES):
            return "", ""
    if any(_matches(axis, value, wanted) for value in values):
        return "", ""
    known = [label(value) for value in values]
    near = get_close_matches(str(wanted), known, 1)
    hint = f"Did you mean '{near[0]}'?" if near else f"It takes {', '.join(known[:12])}."
    return f"{axis} never is {wanted!r}.", hint


def number(said: Any) -> float | None:
    """Return a number, or None for what is none."""
    if isinstance(said, bool):
        return None
    try:
        found = float(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _is_key(axis: str) -> bool:
    return axis.rpartition(".")[2] == "key"


def _plain(said: str) -> Any:
    found = number(said)
    return said if found is None else found


def _key(said: str) -> Key | None:
    try:
        return keys.parse(said)
    except ValueError:
        return None


def label(found: Any) -> str:
    """Return a value as a table shows it.

    >>> label({"file": "tunes/air.abc"}), label(80.0), label("off")
    ('air.abc', '80', 'off')
    """
    if isinstance(found, dict) and set(found) - {"part", "tune"} == {"file"}:
        more = "".join(f", {k} {found[k]}" for k in ("part", "tune") if k in found)
        return str(found["file"]).rpartition("/")[2] + more
    said = text(found)
    return said if len(said) <= _LONG else said[: _LONG - 3] + "..."


def told_apart(labels: Sequence[str]) -> list[str]:
    """Return labels of different values, with a number where several are the same.

    >>> told_apart(["C major", "c4 d...", "c4 d..."])
    ['C major', 'c4 d... (1)', 'c4 d... (2)']
    """
    every, had = Counter(labels), Counter[str]()
    out = []
    for said in labels:
        had[said] += 1
        out.append(f"{said} ({had[said]})" if every[said] > 1 else said)
    return out


def text(found: Any) -> str:
    """Return a value as it is written, whole, in one line."""
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, float):
        return f"{found:.6g}"
    if isinstance(found, Mapping):
        return ", ".join(f"{name}: {text(inner)}" for name, inner in found.items())
    if isinstance(found, list):
        return "; ".join(map(text, found))
    return " ".join(str(found).split())
