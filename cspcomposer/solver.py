"""The only module that runs clingo: texts and facts in, atoms out. Knows nothing about music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import clingo


@dataclass(frozen=True)
class Source:
    """A program text and the name by which messages speak of it."""

    name: str
    text: str


def consequences(
    sources: Sequence[Source], *, parts: Sequence[str] = ("base",)
) -> tuple[list[clingo.Symbol], tuple[str, ...]]:
    """Return the atoms of a program that leaves nothing open, and clingo's remarks.

    Raises:
        RuntimeError: a text that does not parse or is unsafe; the remarks say where.
    """
    remarks: list[str] = []
    control = clingo.Control([], logger=lambda _, text: remarks.append(text), message_limit=100)
    control.add("base", [], "\n".join(s.text for s in sources))
    control.ground([(part, []) for part in parts])
    with control.solve(yield_=True) as handle:
        model = handle.model()
        atoms = list(model.symbols(atoms=True)) if model else []
    return atoms, tuple(remarks)
