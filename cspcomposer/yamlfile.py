"""Read YAML 1.2 (and JSON, which is YAML) into a document, event by event.

Aliases, tags and depth are refused, so nothing can grow out of hand. Knows no specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

from cspcomposer.document import MOST_DEPTH, TOO_DEEP, Document, Where

MOST_DIGITS = 18
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_QUOTED = "Quote the text, or put it behind a | on lines of its own."
_YAML_WORDS = (
    ("'\\t'", "a tab stands where YAML wants spaces", "Indent with spaces."),
    (
        "mapping values are not",
        "a ': ' where no key can begin",
        f"If this is a key, check its indent. {_QUOTED}",
    ),
    ("expected <block end>", "this does not line up with the lines above", "Check the indent."),
    ("expected alphabetic or", "a *, & or % that begins a text", _QUOTED),
    ("<document start>", "this does not line up with the lines above", "Check the indent."),
    ("sequence entries", "a '- ' where no list can stand", f"Check the indent. {_QUOTED}"),
    ("could not find expected ':'", "a key without its ':' and value", "Write key: value."),
    ("end of stream", "a quote is opened and never closed", "Close it."),
    ("stream end", "a bracket is opened and never closed", "Close it."),
    ("but got", "inside brackets: a comma or the closing bracket is missing", _QUOTED),
    ("the node content", "a value cannot begin with this character", _QUOTED),
    ("a comment or a line break", "behind a | the text begins on the next line", "Break the line."),
    ("indentation indicators", "behind a | the text begins on the next line", "Break the line."),
    ("unknown escape", "in double quotes a backslash begins an escape", "Use single quotes or |."),
    ("cannot start any token", "a text cannot begin with this character", _QUOTED),
)


def read(document: Document, *, json: bool = False) -> Any:
    """Return the data of a YAML document, and note places and faults in it.

    Args:
        document: Holds the text.
        json: Whether it must be JSON, which is stricter.

    Raises:
        BadSpec: the syntax is wrong.
    """
    if json:
        _check_json(document)
    return _Reader(document, json=json).read()


class _Reader:
    """Builds data from YAML events, one by one, so that nothing can grow out of hand."""

    def __init__(self, document: Document, *, json: bool) -> None:
        self.document, self.json = document, json
        self.offset = 0

    def read(self) -> Any:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        source = self.document.source
        if self.json:
            source = source.replace("\t", " ")
        try:
            events = self.events(YAML(typ="safe", pure=True).parse(source))
            start = next(events)
            data = None if type(start).__name__ == "StreamEndEvent" else self.node(events, start)
            for event in events:
                if type(event).__name__ == "DocumentStartEvent":
                    self.stop("a second document begins here: a file holds one specification.")
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            self.offset = mark.index if mark else getattr(error, "position", self.offset)
            problem = str(getattr(error, "problem", None) or "it cannot be read").split("\n")[0]
            began = getattr(error, "context_mark", None)
            if began and "expected ':'" in problem:
                self.offset = began.index
            for part, message, hint in _YAML_WORDS:
                if part in problem:
                    self.stop(message + ".", hint)
            self.stop(f"this is no YAML: {problem}.")
        except (ValueError, LookupError, AttributeError, TypeError, AssertionError, RecursionError):
            self.stop("this cannot be read as YAML.", "Look at quotes and escapes near here.")
        return data

    def stop(self, message: str, hint: str = "") -> NoReturn:
        self.document.stop(self.offset, message, hint)

    def events(self, stream: Iterator[Any]) -> Iterator[Any]:
        """Hand on the events that matter: the first document's, then what follows it."""
        started = False
        for event in stream:
            self.offset = event.start_mark.index
            kind = type(event).__name__
            if kind in ("StreamStartEvent", "DocumentEndEvent"):
                continue
            if kind == "DocumentStartEvent" and not started:
                started = True
                continue
            yield event

    def node(self, events: Iterator[Any], event: Any, way: Where = ()) -> Any:
        offset, kind = event.start_mark.index, type(event).__name__
        if len(way) > MOST_DEPTH:
            self.stop(TOO_DEEP)
        if kind == "AliasEvent" or event.anchor:
            name = "*" if kind == "AliasEvent" else "&"
            self.stop(f"{name} refers to another place.", f"Write it out here; or: {_QUOTED}")
        if event.tag and event.tag != "!":
            self.stop("a tag (!) is not understood here.", _QUOTED)
        if kind == "ScalarEvent":
            self.document.values[way] = (offset, event.style or "")
            return event.value if event.style or event.tag else self.plain(event.value)
        self.document.values[way] = (offset, "")
        if kind == "SequenceStartEvent":
            items: list[Any] = []
            while type(item := next(events)).__name__ != "SequenceEndEvent":
                items.append(self.node(events, item, (*way, len(items))))
            return items
        return self.mapping(events, way)

    def mapping(self, events: Iterator[Any], way: Where) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while type(key := next(events)).__name__ != "MappingEndEvent":
            at = key.start_mark.index
            if type(key).__name__ != "ScalarEvent" or key.anchor or key.tag:
                self.stop("a key must be a plain word.", _QUOTED)
            inner = (*way, key.value)
            if inner in self.document.keys:
                line, _ = self.document.at(self.document.keys[inner])
                message = f"this key stands in line {line} already."
                self.document.complain(at, message, "Keep one of them.", inner)
                self.node(events, next(events), (*inner, "again"))
                continue
            self.document.keys[inner] = at
            value = self.node(events, next(events), inner)
            if value is None:
                self.document.complain(at, "has no value.", "Write one, or remove the key.", inner)
            else:
                data[key.value] = value
        return data

    def plain(self, text: str) -> Any:
        """Resolve a plain scalar as YAML 1.2's core schema does: ``off`` and ``no`` are texts."""
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _INT.fullmatch(text) and len(text) <= MOST_DIGITS:
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        return text


def _check_json(document: Document) -> None:
    """Hold a .json file against JSON itself, which is stricter than YAML."""
    import json

    try:
        json.loads(document.source)
    except json.JSONDecodeError as error:
        document.stop(error.pos, f"this is no JSON: {error.msg}.")
    except (RecursionError, ValueError):
        document.stop(0, "too deep, or a number too large: this is no specification.")
