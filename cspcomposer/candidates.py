"""What is worth considering first: the chords through which some cheap piece goes.

An exact forward and backward sweep over the slots gives for every option the least price of a piece
that takes it; options near the best are kept. Prices and options come from the rules' own files;
this module only adds and compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cspcomposer import rulebook, solver
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Source

Costs = NDArray[np.int64]
_ASKED = {"option": 3, "link": 5, "belongs": 3, "staple": 2, "demanded": 2}
_FAR = 10**9
MOST = 60


def considered(given: str, *, style: str, margin: int | None) -> str:
    """Return the chords to consider at each slot and what they are thought to cost, as facts.

    Args:
        given: The outline's facts, and those of a prior.
        style: Name of a style.
        margin: How much dearer than the best an option may be, in tenths of a nat; None keeps all.
    """
    return "\n".join(
        f'considered({slot},"{name}"). priced({slot},"{name}",{min(MOST, price)}).'
        for slot, name, price in _kept(given, style, margin)
    )


@cache
def _program(style: str) -> list[Source]:
    home = rulebook.folder()
    texts = rulebook.program([], "enforce", style=style)
    extra = home / "candidates" / "harmony.lp"
    kept = {"theory", "styles", "priors"}
    found = [t for t in texts if Path(t.name).parent.name in kept and "guidance" not in t.name]
    return sliced([*found, Source(str(extra), rulebook.base_part(extra))], list(_ASKED.items()))


def _kept(given: str, style: str, margin: int | None) -> Iterator[tuple[int, str, int]]:
    atoms, _ = solver.consequences([*_program(style), Source("given", given)], show=list(_ASKED))
    found: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for atom in atoms:
        found[atom.name].append(atom.arguments)
    prices: dict[int, dict[str, int]] = defaultdict(dict)
    for slot, name, cost in found["option"]:
        prices[int(str(slot))][str(name)] = int(str(cost))
    groups = {(slot, name): str(group) for slot, name, group in found["belongs"]}
    links: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    for _, first, slot, second, cost in found["link"]:
        links[int(str(slot))][str(first), str(second)] = int(str(cost))
    demanded: dict[int, set[str]] = defaultdict(set)
    for slot, name in found["demanded"]:
        demanded[int(str(slot))].add(str(name))
    staple = {(slot, name) for slot, name in found["staple"]}
    slots = sorted(prices)
    names = [sorted(prices[slot]) for slot in slots]
    through = _through(slots, names, prices, groups, links)
    for place, slot in enumerate(slots):
        for index, name in enumerate(names[place]):
            if demanded[slot]:
                keep = name in demanded[slot]
            else:
                keep = margin is None or through[place][index] <= margin or (slot, name) in staple
            if keep:
                yield slot, name, int(through[place][index])


def _through(
    slots: Sequence[int],
    names: Sequence[Sequence[str]],
    prices: Mapping[int, Mapping[str, int]],
    groups: Mapping[tuple[object, object], str],
    links: Mapping[int, Mapping[tuple[str, str], int]],
) -> list[Costs]:
    """Return for each option by how much the cheapest piece through it is dearer than the best."""
    own = [
        np.array([prices[slot][n] for n in row], dtype=np.int64)
        for slot, row in zip(slots, names, strict=True)
    ]
    steps = [
        np.array(
            [
                [
                    links[slots[i]].get((groups[slots[i - 1], a], groups[slots[i], b]), 0)
                    for b in names[i]
                ]
                for a in names[i - 1]
            ],
            dtype=np.int64,
        ).reshape(len(names[i - 1]), len(names[i]))
        for i in range(1, len(slots))
    ]
    forward = [own[0]]
    for step, price in zip(steps, own[1:], strict=True):
        forward.append((forward[-1][:, None] + step).min(axis=0, initial=_FAR) + price)
    backward = [np.zeros_like(own[-1])]
    for step, price in zip(reversed(steps), reversed(own[1:]), strict=True):
        backward.append((step + (price + backward[-1])[None, :]).min(axis=1, initial=_FAR))
    backward.reverse()
    best = int((forward[-1]).min())
    return [f + b - best for f, b in zip(forward, backward, strict=True)]
