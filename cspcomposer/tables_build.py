"""Rules compiled into tables: from what clingo grounds over a window to what holds where.

Each atom of the ground program becomes a table over the few choices that it hangs on, or, where
that would be too large, a formula over such tables. Beside what surely holds stands what may hold:
choices outside the window, and what is said of times there, are unknown. So a table never charges
for more than the whole piece is charged for. Knows no rule and no music.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cspcomposer.facts_window import Variable, Window
from cspcomposer.solver import GroundRules
from cspcomposer.tables import HARMONY, Charge, Compiled, Fault, Flags, Table
from cspcomposer.tables_algebra import Variables
from cspcomposer.tables_atoms import Atoms
from cspcomposer.tables_ground import Program


def compiled(
    ground: GroundRules,
    window: Window,
    pitches: Mapping[str, Sequence[int]],
    fits: Mapping[Variable, Flags],
) -> Compiled:
    """Return what a ground excerpt says of its window.

    Args:
        ground: The excerpt, grounded with what is told of the window.
        window: The window.
        pitches: What each voice may sing.
        fits: By voice and slot, which pitches go with which chords; others are not looked at.
    """
    atoms = Atoms(Program(ground.text), window, pitches, fits)
    return Compiled(tuple(_merged(atoms, window)), tuple(_charges(atoms)), _fits(atoms))


def _merged(atoms: Atoms, window: Window) -> Iterator[Fault]:
    """Yield the faults, those of one rule as one of which never two can be there at once."""
    alike: dict[Any, list[Fault]] = defaultdict(list)
    for fault in _faults(atoms, window):
        alike[fault.rule, fault.time, fault.touched].append(fault)
    for several in alike.values():
        left = several
        while left:
            first, *others = left
            left = []
            whens = [first.when]
            for other in others:
                if all(atoms.algebra.exclusive(when, other.when) for when in whens):
                    whens.append(other.when)
                else:
                    left.append(other)
            if len(whens) > 1:
                joined = partial(atoms.algebra.any, whens)
                first = replace(first, who=None, when=atoms.algebra.once(("any", *whens), joined))
            yield first


def _faults(atoms: Atoms, window: Window) -> Iterator[Fault]:
    for (rule, time, who), literal in atoms.named("violation"):
        if time not in atoms.inside:
            continue
        when = atoms.node(literal)
        if not isinstance(when, Table) or when.must.any():
            touched = atoms.touched(literal)
            yield Fault(rule, time, who, window.places[time], touched, when)


def _charges(atoms: Atoms) -> Iterator[Charge]:
    """Yield what is charged for, by predicate and choices."""
    by: dict[tuple[str, int, Variables], tuple[list[Any], list[Any]]] = defaultdict(
        lambda: ([], [])
    )
    for ((what, said), _), literal in atoms.named("charge"):
        variables, found = atoms.cells(literal)
        if len(found):
            keys, cells = by[what, len(said), variables]
            cells.append((len(keys), found))
            keys.append((what, said))
    for (_, _, variables), (keys, cells) in by.items():
        sizes = [len(found) for _, found in cells]
        places = np.repeat([place for place, _ in cells], sizes)
        where = np.concatenate([found for _, found in cells])
        yield Charge(variables, tuple(keys), np.stack([places, where]).astype(np.int64))


def _fits(atoms: Atoms) -> dict[Variable, Flags]:
    """Return by voice and slot which pitches go with which chords."""
    out: dict[Variable, Flags] = {}
    for (voice, time, pitch), literal in atoms.named("fits"):
        if time not in atoms.inside:
            continue
        chords, here = (HARMONY, time), (voice, time)
        when = atoms.node(literal)
        if here not in out:
            out[here] = np.zeros((len(atoms.index[chords]), len(atoms.index[here])), bool)
        if isinstance(when, Table) and set(when.variables) <= {chords}:
            out[here][:, atoms.index[here][pitch]] = when.may
    return out
