"""A fitted style as a file that one can read, use and edit: every weight with its statistic."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from cspcomposer import rulebook
from cspcomposer.errors import counted
from cspcomposer.fit import Fit, Merit, Weight
from cspcomposer.solver import Source, consequences
from cspcomposer.syntax import kind

WIDTH, _COLUMN = 100, 49
_MILD = "What mild faults cost."
_STRONG = """Strong faults go before any price. What they would cost if they were mild; a
specification makes them so with `rules:`."""
_KEPT = """Too seldom in question at the beats that were looked at: the weight is that of the style
fitted from."""
_USE = """Each weight is in tenths of a nat. Behind it stands how often in 100 beats the rule is
broken where it could be kept, how often the alternatives break it on average, and the weight before
the fit. An alternative is what the composer might have written at that beat without breaking a hard
rule, the melody and the beats around being given."""


def text(fit: Fit, *, command: str) -> str:
    """Return the text of a style file.

    Args:
        fit: What was fitted.
        command: What the file says that it was written by.
    """
    weights = sorted(fit.weights, key=lambda w: (-w.cost, w.rule))
    kept, others = _style(fit)
    parts = [
        ("", kept),
        (_MILD, [_line(w) for w in weights if w.fitted and w.severity == "mild"]),
        (_STRONG, [_line(w) for w in weights if w.fitted and w.severity != "mild"]),
        (_KEPT, [_line(w) for w in weights if not w.fitted]),
        ("Not fitted.", others),
    ]
    lines = list(_header(fit, command))
    for title, facts in parts:
        if facts:
            lines += ["", *_wrapped(title, "% "), *facts]
    return "\n".join(lines) + "\n"


def _header(fit: Fit, command: str) -> Iterator[str]:
    # A percent sign could end the comment.
    style, sources, command = (
        " ".join(words.split()).replace("%", "?")
        for words in (Path(fit.style).stem, ", ".join(fit.sources), command)
    )
    title = f"# Style {style}, fitted to {sources}"
    usable = fit.beats + fit.measured * fit.held_out
    yield "%*"
    yield title if len(title) <= WIDTH else f"# A style, fitted to {counted(fit.pieces, 'score')}"
    yield ""
    yield from _wrapped(
        f"Style `{style}` with weights of its soft rules that make what stands in "
        f"{counted(fit.pieces, 'score')} likely among what could stand there: a conditional logit "
        f"over {counted(fit.beats, 'beat')}. Of {fit.tried} beats that were tried {usable} were "
        "of use; at the others what is written breaks a hard rule, or is foreign to the chord. For "
        "`--style FILE`, or `style: FILE` in a specification. Written by"
    )
    yield from _wrapped(f"`{command}`.")
    yield ""
    yield from _wrapped(_USE)
    yield ""
    where = (
        f"At {counted(fit.measured, 'beat')} of pieces that were held out"
        if fit.held_out
        else f"Too few pieces to hold any out; at the same {counted(fit.measured, 'beat')}"
    )
    yield from _wrapped(
        f"{where} what was written has this place among {fit.alternatives} alternatives (in the "
        "median), the cheapest first:"
    )
    yield f"  weights before  {_said(fit.before)}"
    yield f"  weights fitted  {_said(fit.after)}"
    yield "*%"


def _said(merit: Merit) -> str:
    return (
        f"{merit.place:5.1f} on average, first {merit.first:.1%}, among five {merit.five:.1%}; "
        f"{merit.nats:.2f} nats a beat"
    )


def _line(weight: Weight) -> str:
    fact = f"set_weight({weight.rule},{weight.cost})."
    said = f"{weight.here:.2f} in 100 beats; alternatives {weight.elsewhere:.2f}"
    return f"{fact:<{_COLUMN}} % {said}" + (f"; was {weight.before}" if weight.fitted else "")


def _style(fit: Fit) -> tuple[list[str], list[str]]:
    """Return the facts of the style fitted from but for weights; its weights of other rules."""
    path = rulebook.style_file(fit.style)
    facts = (str(node) for node in rulebook.nodes(path) if kind(node) == "fact")
    source = Source(str(path), rulebook.base_part(path))
    weights, _ = consequences([source], show={"set_weight": 2})
    others = sorted(f"{w}." for w in weights if str(w.arguments[0]) not in fit.rules)
    return [fact for fact in facts if not fact.startswith("set_weight(")], others


def _wrapped(words: str, mark: str = "") -> list[str]:
    return textwrap.wrap(
        " ".join(words.split()), WIDTH, initial_indent=mark, subsequent_indent=mark
    )
