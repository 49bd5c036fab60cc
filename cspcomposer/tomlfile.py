"""Read TOML into a document, and find the places of its keys, which Python's reader does not keep.

Knows no specification.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from cspcomposer.document import MOST_DEPTH, TOO_DEEP, Document, Where
from cspcomposer.errors import BadSpec, Fault

_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+(?:[ \t]*\.[ \t]*[A-Za-z0-9_\"'-]+)*)[ \t]*=[ \t]*")
_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]\n]+?)\s*\]")


def read(document: Document) -> dict[str, Any]:
    """Return the data of a TOML document, and note the places of its keys in it.

    Raises:
        BadSpec: the syntax is wrong.
    """
    try:
        data = tomllib.loads(document.source)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = re.search(r" \(at line (\d+), column (\d+)\)", message)
        end = document.at(len(document.source.rstrip()))
        line, column = (int(found[1]), int(found[2])) if found else end
        said = re.sub(r" \(at .*\)", "", message)
        fault = Fault(f"this is no TOML: {said}.", document.path, line, column)
        raise BadSpec(fault) from None
    except (RecursionError, ValueError):
        document.stop(0, "too deep, or a number too large: this is no specification.")
    level: list[Any] = [data]
    for _ in range(MOST_DEPTH + 1):
        inner = (v for d in level for v in (d.values() if isinstance(d, dict) else d))
        level = [v for v in inner if isinstance(v, dict | list)]
    if level:
        document.stop(0, TOO_DEEP)
    _find_keys(document)
    return data


def _find_keys(document: Document) -> None:
    """Find keys and texts line by line; what stands in inline tables is found by its line."""
    source, at = document.source, 0
    table: Where = ()
    counts: dict[Where, int] = {}
    while 0 <= at < len(source):
        end = source.find("\n", at) if source.find("\n", at) >= 0 else len(source)
        if found := _TABLE.match(source, at, end):
            table = _way(found[2])
            if found[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            document.keys.setdefault(table, found.start(1))
        elif found := _KEY.match(source, at, end):
            way = (*table, *_way(found[1]))
            document.keys.setdefault(way, found.start(1))
            value = found.end()
            triple = source[value : value + 3]
            if triple in ("'''", '"""'):
                document.values.setdefault(way, (value, triple))
                close = source.find(triple, value + 3)
                end = source.find("\n", close) if close >= 0 else -1
                end = len(source) if end < 0 else end
            elif source[value : value + 1] in ("'", '"'):
                style = "raw" if source[value] == "'" else '"'
                document.values.setdefault(way, (value, style))
        at = end + 1


def _way(text: str) -> Where:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
