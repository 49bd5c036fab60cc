"""Say in plain words what a specification has wrong: found, expected, did you mean.

Turns the errors of pydantic into faults with a place. Knows no file format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches
from functools import cache
from typing import Any

from cspcomposer.document import Document, Where, dotted
from cspcomposer.errors import Fault, counted
from cspcomposer.spec import schema

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is not infinite",
    "string_type": "a text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "is_instance_of": "a text",
    "dataclass_type": "a text",
    "dataclass_exact_type": "a text",
}
UNKNOWN_KEY = "unknown key."
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def faults(document: Document, errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return a fault for each error of pydantic that the document does not complain of already."""
    done = {fault.key for fault in document.faults}
    found = (_fault(document, error) for error in errors if not _follows(document, error))
    return [fault for fault in found if not fault.key or fault.key not in done]


def _follows(document: Document, error: Mapping[str, Any]) -> bool:
    """Return whether a list is too short only because what is wrong in it was not counted."""
    if error["type"] != "too_short":
        return False
    _, value = _walk(document.data, error["loc"])
    return isinstance(value, list) and len(value) >= error["ctx"]["min_length"]


def _fault(document: Document, error: Mapping[str, Any]) -> Fault:
    kind, context = error["type"], error.get("ctx", {})
    loc = (*error["loc"], *context.get("place", ())) if kind == "placed" else error["loc"]
    way, value = _walk(document.data, loc)
    on_key = kind in ("extra_forbidden", "placed") or "[key]" in loc
    hint = ""
    if kind == "missing":
        missing = str(loc[-1])
        message = "is missing."
        line, column = document.place(way)
        return Fault(message, document.path, line, column, dotted((*way, missing)), hint)
    if kind == "extra_forbidden":
        known = _keys_at(way[:-1])
        message = UNKNOWN_KEY
        hint = _near(way[-1], known) or f"Known here: {', '.join(known)}."
    elif kind == "placed":
        message = f"{context['message']}."
        if context["names"]:
            hint = _near(way[-1], context["names"]) or f"Known: {', '.join(context['names'])}."
    elif kind in ("literal_error", "enum"):
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        message = f"found {shown(value)}, expected one of {', '.join(options)}."
        hint = _near({False: "off", True: "on"}.get(value, value) if isinstance(value, bool)
                     else value, options)  # fmt: skip
    elif kind == "string_pattern_mismatch":
        text = value if isinstance(value, str) and not on_key else str(way[-1] if way else "")
        message = f"found {shown(text)}, expected small letters, digits and underscores."
        better = re.sub(r"\W+", "_", text.strip().lower()).strip("_")
        hint = f"Did you mean '{better}'?" if better[:1].isalpha() and better.isascii() else ""
    elif kind in _LIMITS:
        words, limit = _LIMITS[kind]
        message = f"found {shown(value)}, expected {words} {context[limit]}."
    elif kind == "value_error":
        message = f"found {shown(value)}, {context['error']}."
        if not way:
            message = f"{str(context['error'])[0].upper()}{str(context['error'])[1:]}."
        elif isinstance(value, dict | list):
            message = f"{context['error']}."
    elif kind in _TYPES:
        message = f"found {shown(value)}, expected {_TYPES[kind]}."
        if kind == "string_type" and isinstance(value, int | float | date | time):
            hint = "Put it in quotes to make it a text."
    elif kind in ("too_long", "too_short", "string_too_long", "string_too_short"):
        limit = context.get("max_length", context.get("min_length"))
        many = "at most" if kind.endswith("long") else "at least"
        item = "character" if kind.startswith("string") else "item"
        message = f"expected {many} {counted(limit, item)}."
    else:
        message = f"found {shown(value)}: {error['msg']}."
    line, column = document.place(way, key=on_key)
    return Fault(message, document.path, line, column, dotted(way), hint)


def shown(value: object) -> str:
    """Return a value as one names it in a sentence."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value:.12g}"
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"'{text if len(text) <= 40 else text[:37] + '...'}'"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, date | time):
        return f"the date or time {value}"
    return "nothing" if value is None else str(value)[:40]


def _near(word: object, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?``, or nothing."""
    near = get_close_matches(str(word).lower()[:80], list(known), 1, 0.6)
    return f"Did you mean '{near[0]}'?" if near else ""


def _walk(data: Any, loc: Iterable[str | int]) -> tuple[Where, Any]:
    """Follow an error's way through the data; steps that only pydantic knows are left out."""
    way: list[str | int] = []
    for step in loc:
        if isinstance(data, list):
            known = isinstance(step, int) and step < len(data)
        else:
            known = isinstance(data, dict) and step in data
        if known:
            data = data[step]
            way.append(step)
    return tuple(way), data


@cache
def _schema() -> dict[str, Any]:
    return schema()


def _keys_at(way: Where) -> list[str]:
    """Return the keys that the schema knows at a place."""
    whole = _schema()

    def options(node: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in node:
            return options(whole["$defs"][node["$ref"].rpartition("/")[2]])
        inner = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        return [node] + [found for option in inner for found in options(option)]

    nodes = options(whole)
    for step in way:
        below = [
            inner
            for node in nodes
            for inner in (
                node.get("properties", {}).get(step),
                node.get("items") if isinstance(step, int) else None,
                *node.get("patternProperties", {}).values(),
                node.get("additionalProperties"),
            )
            if isinstance(inner, dict)
        ]
        nodes = [found for node in below for found in options(node)]
    return [key for node in nodes for key in node.get("properties", {})]
