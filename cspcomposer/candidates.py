"""What is worth considering first: the chords through which some cheap piece goes.

An exact forward and backward sweep over the slots gives for every option the least price of a piece
that takes it; options near the best are kept. Prices and options come from the rules' own files;
this module only adds and compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cspcomposer import rulebook, solver
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Source

Costs = NDArray[np.int64]
Option = tuple[int, str]
_ASKED = {
    "option": 3, "sure": 3, "mode_at": 2, "group_of": 3, "step": 4,
    "staple": 2, "demanded": 2,
}  # fmt: skip
_FAR = 10**9
# A plain chord that holds what is given is kept though it be so many times as dear: it may be the
# only one that can be voiced.
_STAPLE = 3
MOST = 60


@dataclass(frozen=True)
class Options:
    """The chords that are possible at each slot.

    Attributes:
        prices: By slot, what each chord is thought to cost by itself.
        sure: By slot, what each chord costs at least.
        modes: The mode at each slot.
        groups: Which group each mode's chord belongs to.
        moves: By mode, what each group costs after each other.
        staple: Plain chords, which are looked at though they be dear.
        demanded: By slot, the chords that the specification names.
    """

    prices: Mapping[int, Mapping[str, int]]
    sure: Mapping[int, Mapping[str, int]]
    modes: Mapping[int, str]
    groups: Mapping[tuple[str, str], str]
    moves: Mapping[str, Mapping[tuple[str, str], int]]
    staple: frozenset[Option]
    demanded: Mapping[int, frozenset[str]]

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        """The groups by number."""
        return {group: number for number, group in enumerate(sorted(set(self.groups.values())))}

    @cached_property
    def _steps(self) -> Mapping[str, Costs]:
        """By mode, what each group costs after each other, by their numbers."""
        out = {}
        for mode, several in self.moves.items():
            out[mode] = np.zeros((len(self._numbers), len(self._numbers)), np.int64)
            for (first, second), price in several.items():
                if first in self._numbers and second in self._numbers:
                    out[mode][self._numbers[first], self._numbers[second]] = price
        return out

    def step(self, before: int, here: int, rows: Sequence[str], columns: Sequence[str]) -> Costs:
        """Return what chords of a slot cost after those of the slot before, by habit."""
        mode, earlier = self.modes[here], self.modes[before]
        if mode not in self._steps:
            return np.zeros((len(rows), len(columns)), np.int64)
        first = [self._numbers[self.groups[earlier, name]] for name in rows]
        second = [self._numbers[self.groups[mode, name]] for name in columns]
        return self._steps[mode][np.ix_(first, second)]


class Moves(Protocol):
    """What a prior charges for one chord after another."""

    def __call__(
        self, slots: tuple[int, int], before: Sequence[str], after: Sequence[str]
    ) -> Costs | None:
        """Return a matrix of tenths of a nat, or None where habits alone say that."""
        ...


@dataclass(frozen=True)
class Taste:
    """What a prior and chance charge.

    Attributes:
        chords: For each chord at each slot.
        moves: For each chord after each other.
    """

    chords: Mapping[Option, int]
    moves: Moves


Kept = Mapping[int, Mapping[str, int]]


def considered(options: Options, taste: Taste, margin: int | None) -> Kept:
    """Return the chords to consider at each slot and what they are thought to cost.

    Args:
        options: What there is.
        taste: What a prior charges.
        margin: How much dearer than the best an option may be, in tenths of a nat; None keeps all.
    """
    kept: dict[int, dict[str, int]] = defaultdict(dict)
    for slot, name, price in _kept(options, taste, margin):
        kept[slot][name] = price
    return kept


def joined(kept: Kept, options: Options, stood: Mapping[int, str]) -> Kept:
    """Return what is considered and, by slot, chords that stood there."""
    out = {slot: dict(names) for slot, names in kept.items()}
    for slot, name in stood.items():
        out.setdefault(slot, {})[name] = options.prices[slot][name]
    return out


def stated(kept: Kept, options: Options, taste: Taste) -> str:
    """Return what is considered, and what it costs, as facts.

    What a choice costs does not hang on what else is considered.
    """
    lines = [
        f'considered({slot},"{name}"). priced({slot},"{name}",{min(MOST, price)}). '
        f'preferred_harmony({slot},"{name}",{taste.chords[slot, name]}).'
        for slot, names in kept.items()
        for name, price in names.items()
    ]
    for before, after in pairwise(sorted(kept)):
        rows, columns = list(options.prices[before]), list(options.prices[after])
        costs = taste.moves((before, after), rows, columns)
        if costs is not None:
            lines += [
                f'preferred_move({after},"{a}","{b}",{cost}).'
                for a, row in zip(rows, costs.tolist(), strict=True)
                if a in kept[before]
                for b, cost in zip(columns, row, strict=True)
                if cost and b in kept[after]
            ]
    return "\n".join(lines)


@cache
def _program(style: str, priors: tuple[str, ...]) -> list[Source]:
    home = rulebook.folder()
    texts = rulebook.program(["given"], "enforce", style=style, priors=priors)
    extra = home / "candidates" / "harmony.lp"
    own = str(rulebook.style_file(style))
    found = [
        t
        for t in texts
        if Path(t.name).parent.name == "theory"
        or t.name == own
        or Path(t.name).stem in ("bach", "given")
    ]
    return sliced([*found, Source(str(extra), rulebook.base_part(extra))], list(_ASKED.items()))


def options(given: str, *, style: str, priors: tuple[str, ...] = ("",)) -> Options:
    """Return what could be chosen.

    Args:
        given: The outline's facts, and the prior's.
        style: Name of a style.
        priors: The folders within `asp_rules/priors` that count.
    """
    sources = [*_program(style, priors), Source("given", given)]
    atoms, _ = solver.consequences(sources, show=_ASKED)
    prices: dict[int, dict[str, int]] = defaultdict(dict)
    sure: dict[int, dict[str, int]] = defaultdict(dict)
    modes: dict[int, str] = {}
    groups: dict[tuple[str, str], str] = {}
    moves: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    staple: set[Option] = set()
    demanded: dict[int, set[str]] = defaultdict(set)
    for atom in atoms:
        said = atom.arguments
        match atom.name:
            case "option":
                prices[said[0]][said[1]] = said[2]
            case "sure":
                sure[said[0]][said[1]] = said[2]
            case "mode_at":
                modes[said[0]] = str(said[1])
            case "group_of":
                groups[str(said[0]), said[1]] = said[2]
            case "step":
                moves[str(said[0])][said[1], said[2]] = said[3]
            case "staple":
                staple.add((said[0], said[1]))
            case "demanded":
                demanded[said[0]].add(said[1])
    named = {slot: frozenset(names) for slot, names in demanded.items()}
    return Options(prices, sure, modes, groups, moves, frozenset(staple), named)


def bound(options: Options, taste: Taste) -> int:
    """Return what the mild faults and preferences of a piece cost at least.

    The cheapest harmony by habit and taste alone: no notes, no rules.
    """
    slots = sorted(options.sure)
    names = [sorted(options.sure[slot]) for slot in slots]
    return _through(options, options.sure, taste, slots, names)[1]


def _kept(options: Options, taste: Taste, margin: int | None) -> Iterator[tuple[int, str, int]]:
    slots = sorted(options.prices)
    names = [sorted(options.prices[slot]) for slot in slots]
    through, _ = _through(options, options.prices, taste, slots, names)
    for place, slot in enumerate(slots):
        for index, name in enumerate(names[place]):
            price = int(through[place][index])
            far = _STAPLE if (slot, name) in options.staple else 1
            if margin is None or slot in options.demanded or price <= far * margin:
                yield slot, name, price


def _through(
    options: Options,
    prices: Mapping[int, Mapping[str, int]],
    taste: Taste,
    slots: Sequence[int],
    names: Sequence[Sequence[str]],
) -> tuple[list[Costs], int]:
    """Return how much dearer than the best the cheapest piece through each option is; the best."""
    own = [
        np.array([prices[slot][n] + taste.chords[slot, n] for n in row], dtype=np.int64)
        for slot, row in zip(slots, names, strict=True)
    ]
    steps = []
    for before, here, rows, columns in zip(slots, slots[1:], names, names[1:], strict=False):
        step = options.step(before, here, rows, columns)
        charged = taste.moves((before, here), rows, columns)
        steps.append(step if charged is None else step + charged)
    forward = [own[0]]
    for step, price in zip(steps, own[1:], strict=True):
        forward.append((forward[-1][:, None] + step).min(axis=0, initial=_FAR) + price)
    backward = [np.zeros_like(own[-1])]
    for step, price in zip(reversed(steps), reversed(own[1:]), strict=True):
        backward.append((step + (price + backward[-1])[None, :]).min(axis=1, initial=_FAR))
    backward.reverse()
    best = int((forward[-1]).min())
    return [f + b - best for f, b in zip(forward, backward, strict=True)], best
