"""From a violation as a term to a sentence: messages with their names filled in."""

from __future__ import annotations

import string
from collections.abc import Mapping
from fractions import Fraction

from cspcomposer.rulebook import Rule
from cspcomposer.solver import Term


def terms(who: Term) -> dict[str, str]:
    """Return the named terms of a violation's third argument, as text."""
    return {
        term.name: str(term.arguments[0])
        for term in who.arguments
        if isinstance(term, Term) and term.arguments
    }


def sentence(rule: Rule, who: Term) -> str:
    """Return a rule's message about a violation, as a sentence."""
    return filled(rule.message, {k: v.replace("_", " ") for k, v in terms(who).items()})


def filled(message: str, values: Mapping[str, str]) -> str:
    """Return a message with values in place of their names, as a sentence."""
    out = "".join(
        literal + (values.get(name, f"({name})") if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(message)
    )
    # A numeral says by its letters what it is: v is not V.
    if not message.startswith("{chord}"):
        out = out[:1].upper() + out[1:]
    return out if out.endswith((".", "!", "?")) else f"{out}."


def beat_text(beat: Fraction) -> str:
    """Return a beat as musicians write it: 2, 2.5, 1 1/3."""
    whole, rest = divmod(beat, 1)
    if not rest:
        return str(whole)
    return f"{float(beat):g}" if rest.denominator in (2, 4, 8) else f"{whole} {rest}"
