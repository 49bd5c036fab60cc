"""A look at a rule file of the user's own before clingo sees it.

`#include` reads any file, scripts run code, and deep nesting crashes the parser; none of these has
a place in a rule. Only the text is looked at; nothing is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cspcomposer.errors import BadRules, Fault

MOST_BYTES = 200_000
MOST_NESTING = 30
MOST_LINE = 2_000

_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<open_comment>%\*)
      | (?P<comment>%[^\n]*)
      | (?P<directive>\#(?:include|script|theory|external|program\s+(?!example_|base\b)\w+))
      | (?P<call>@\s*[a-z_'][A-Za-z0-9_']*(?=\s*\())
      | (?P<atom>&\s*[a-z_][A-Za-z0-9_']*)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_WHY = {
    "directive": "a rule file reads no other files, runs no scripts and has only example parts",
    "call": "a rule calls no functions of the host",
    "atom": "a rule uses no theory atoms",
}


def guard(path: Path) -> str:
    """Return the text of a rule file that may be parsed.

    Raises:
        BadRules: not such a text; the faults say where and why.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadRules(Fault(f"a rule file of more than {MOST_BYTES // 1000} KB.", path))
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadRules(Fault("this is no UTF-8 text.", path, 1, 1)) from None
    except OSError as error:
        raise BadRules(Fault(f"cannot be read: {error.strerror}.", path)) from None
    faults = tuple(_faults(text, path))
    if faults:
        raise BadRules(*faults)
    return text


def _faults(text: str, path: Path) -> Iterator[Fault]:
    for number, row in enumerate(text.split("\n"), 1):
        if len(row) > MOST_LINE:
            yield Fault(
                f"a line of {len(row)} characters: expected at most {MOST_LINE}.", path, number
            )
        if "\0" in row:
            yield Fault("a NUL character: this is no text.", path, number)
    place, line, depth, comment, told = 0, 1, 0, 0, False
    while place < len(text):
        if comment:
            if text.startswith("*%", place) or text.startswith("%*", place):
                comment += 1 if text[place] == "%" else -1
                place += 2
            else:
                line += text[place] == "\n"
                place += 1
            continue
        found = _TOKEN.match(text, place)
        assert found and found.lastgroup
        kind = found.lastgroup
        column = place - text.rfind("\n", 0, place)
        if kind == "open_comment":
            comment = 1
        elif kind in _WHY:
            yield Fault(f"'{found[0]}': {_WHY[kind]}.", path, line, column)
        elif kind == "open":
            depth += 1
            if depth > MOST_NESTING and not told:
                told = True
                yield Fault(
                    f"more than {MOST_NESTING} brackets inside each other.", path, line, column
                )
        elif kind == "close":
            depth -= 1
        line += found[0].count("\n")
        place = found.end()
