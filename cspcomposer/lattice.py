"""Everything that a piece may be, slot by slot, and what the tables say that it costs at least.

A state is a chord with a note for each free voice. Dynamic programming over the states gives the
least cost of a piece as far as tables tell, which is a lower bound, a piece of that cost, and for
every state the least cost of a piece through it. First two neighbouring slots are looked at, and
then, among the states that are near enough to the best, three. Knows no rule and no music.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer.facts_window import Moments, Variable
from cspcomposer.tables import HARMONY, Chances, Charge, Compiled, Fault, Grid

Costs = NDArray[np.int64]
# What preferences alone charge, which is never much.
Prices = NDArray[np.int32]
Places = NDArray[np.intp]
# What a hard fault costs; more than all else together.
NEVER = 1 << 50
# So many states of a slot are kept.
MOST = 15_000


@dataclass(frozen=True)
class Seen:
    """What tables say of the window that begins at a slot."""

    first: int
    slots: tuple[int, ...]
    fixed: Mapping[Variable, int]
    compiled: tuple[Compiled, ...]
    sizes: Mapping[str, int]


class Slot:
    """The states of a slot.

    Attributes:
        states: Chord, and pitch of each free voice, as places: [state, 1 + voice].
        costs: What each costs by itself: [state].
    """

    def __init__(self, voices: Sequence[str], states: Places, costs: Costs) -> None:
        self.voices, self.states, self.costs = tuple(voices), states, costs

    def choices(self, time: int, keep: Places | None = None) -> dict[Variable, Places]:
        """Return states as choices in a window in which the slot is at a time."""
        states = self.states if keep is None else self.states[keep]
        out = {(HARMONY, time): states[:, 0]}
        for column, voice in enumerate(self.voices, 1):
            out[voice, time] = states[:, column]
        return out

    def kept(self, keep: NDArray[Any]) -> Slot:
        """Return some of the states."""
        return Slot(self.voices, self.states[keep], self.costs[keep])


@dataclass(frozen=True)
class Tariff:
    """What is charged.

    Attributes:
        fault: For a fault, told with its window's first slot.
        look: For a preference: predicate, and arguments with the piece's own times.
    """

    fault: Callable[[int, Fault], int]
    look: Callable[[str, tuple[Any, ...]], int]


class Lattice:
    """The states of a piece and what tables charge for them.

    Attributes:
        slots: The legal states, slot by slot, the cheapest first.
        preferred: What preferences charge for each of them: [state].
        beyond: What any state that was left out costs at least, slot by slot.
        looked_at: Rules and times, in ticks, for which tables may charge.
    """

    def __init__(
        self,
        moments: Moments,
        windows: Sequence[Seen],
        pairs: Sequence[Seen],
        tariff: Tariff,
    ) -> None:
        self._moments, self._windows, self._pairs, self._tariff = moments, windows, pairs, tariff
        self._joint: dict[int, list[tuple[tuple[Variable, ...], Prices]]] = {}
        self._faults = {seen.first: self._charged_for(seen) for seen in windows}
        self._alone, self._between, self._among = self._shared_out()
        self.slots: list[Slot] = []
        self.preferred: list[Costs] = []
        self.beyond: list[int] = []
        for number in range(len(moments.slots)):
            self._add(number)

    def _shared_out(self) -> tuple[list[Any], list[Any], list[list[Fault]]]:
        """Return the faults by where they are charged: at one slot, two, or the whole window."""
        alone: list[list[tuple[Seen, Fault]]] = [[] for _ in self._moments.slots]
        between: list[list[tuple[Seen, Fault]]] = [[] for _ in self._moments.slots]
        among: list[list[Fault]] = [[] for _ in self._windows]
        homes = self._homes()
        self.looked_at = frozenset(homes)
        for seen in self._windows:
            for fault in self._faults[seen.first]:
                if seen.first != homes.get((fault.rule, self._tick(seen, fault))):
                    continue
                slot = seen.first + fault.place
                before, after = _sides(fault)
                among[seen.first].append(fault)
                if before:
                    between[slot - 1].append((seen, fault))
                elif after:
                    between[slot].append((seen, fault))
                else:
                    alone[slot].append((seen, fault))
        return alone, between, among

    def _charged_for(self, seen: Seen) -> list[Fault]:
        """Return the faults of a window that cost anything and can be sure to be there."""
        chances = Chances(seen.fixed)
        return [
            fault
            for compiled in seen.compiled for fault in compiled.faults
            if self._tariff.fault(seen.first, fault) and chances.surely(fault.when)
        ]  # fmt: skip

    def _tick(self, seen: Seen, fault: Fault) -> int:
        return self._moments.slots[seen.first] - seen.slots[0] + fault.time

    def _homes(self) -> dict[tuple[str, int], int]:
        """Return in which window what breaks a rule at a time is charged: in one, and only there.

        As a rule in that around its slot; in one that begins or ends with it, where the rule looks
        two slots ahead or back and not to the other side.
        """
        last = len(self._windows) - 1
        touched: dict[tuple[str, int], dict[int, set[int]]] = {}
        for seen in self._windows:
            for fault in self._faults[seen.first]:
                there = touched.setdefault((fault.rule, self._tick(seen, fault)), {})
                there.setdefault(seen.first, set()).update(
                    seen.first + place for place in fault.touched
                )
        out = {}
        for (rule, tick), there in touched.items():
            slot = bisect_right(self._moments.slots, tick) - 1
            around, ending, starting = (min(max(slot - n, 0), last) for n in (1, 2, 0))
            home = next(w for w in (around, ending, starting, *there) if w in there)
            slots = there[home]
            if home == around and slot + 2 in slots and min(slots) >= slot:
                home = starting
            elif home == around and slot - 2 in slots and max(slots) <= slot:
                home = ending
            out[rule, tick] = home
        return out

    def _add(self, number: int) -> None:
        """Add the states of a slot, and what they cost by themselves."""
        pair = self._pairs[min(number, len(self._pairs) - 1)]
        time = pair.slots[number - pair.first]
        slot = _enumerated(pair, number - pair.first)
        choices = slot.choices(time)
        for charge in (c for compiled in pair.compiled for c in compiled.charges):
            if all(v in choices for v in charge.variables):
                prices = self._prices(pair, charge)
                slot.costs += prices[tuple(choices[v] for v in charge.variables)]
        preferred = slot.costs.copy()
        for seen, several in _by_window(self._alone[number]):
            rows = slot.choices(seen.slots[number - seen.first])
            grid = Grid(rows, {}, seen.fixed, (len(slot.costs), 1))
            slot.costs += self._charged(grid, seen, several)[:, 0]
        order = np.argsort(slot.costs, kind="stable")
        order = order[: np.searchsorted(slot.costs[order], NEVER)]
        left_out = order[MOST:]
        self.beyond.append(int(slot.costs[left_out[0]]) if len(left_out) else NEVER)
        self.slots.append(slot.kept(order[:MOST]))
        self.preferred.append(preferred[order[:MOST]])

    def _prices(self, seen: Seen, charge: Charge) -> Costs:
        shift = self._moments.slots[seen.first] - seen.slots[0]
        look = self._tariff.look
        columns = []
        for column in zip(*(said for _, said in charge.keys), strict=True):
            here = {a: a + shift if isinstance(a, int) and a >= 900_000 else a for a in set(column)}
            columns.append([here[a] for a in column])
        moved = zip(*columns, strict=True) if columns else [()] * len(charge.keys)
        keys = [look(name, said) for (name, _), said in zip(charge.keys, moved, strict=True)]
        out = np.zeros(self._size(seen, charge.variables), np.int64).ravel()
        np.add.at(out, charge.cells[1], np.array(keys, np.int64)[charge.cells[0]])
        return out.reshape(self._size(seen, charge.variables))

    def _size(self, seen: Seen, variables: Sequence[Variable]) -> tuple[int, ...]:
        sizes = []
        for name, time in variables:
            slot = self._moments.slots[seen.first] - seen.slots[0] + time
            sizes.append(len(self._moments.chords[slot]) if name == HARMONY else seen.sizes[name])
        return tuple(sizes)

    def preferences(self, number: int, rows: Places, columns: Places) -> Prices:
        """Return what preferences charge for states of a slot followed by states of the next."""
        pair = self._pairs[number]
        before = self.slots[number].choices(pair.slots[0], rows)
        after = self.slots[number + 1].choices(pair.slots[1], columns)
        out = np.zeros((len(rows), len(columns)), np.int32)
        for (one, other), prices in self._joint_prices(number):
            # Columns first: rows are then copied whole, which is many times faster.
            table, row, column = (
                (prices, before[one], after[other])
                if one in before
                else (prices.T, before[other], after[one])
            )
            out += np.take(table, column, axis=1)[row]
        return out

    def _joint_prices(self, number: int) -> list[tuple[tuple[Variable, ...], Prices]]:
        """Return the prices of choices in a slot and the next together."""
        if number not in self._joint:
            pair = self._pairs[number]
            self._joint[number] = [
                (charge.variables, self._prices(pair, charge).astype(np.int32))
                for compiled in pair.compiled for charge in compiled.charges
                if {time for _, time in charge.variables} == set(pair.slots)
            ]  # fmt: skip
        return self._joint[number]

    def between(self, number: int, rows: Places, columns: Places) -> Costs:
        """Return what states of a slot followed by states of the next cost, as far as two tell."""
        first, second = self.slots[number], self.slots[number + 1]
        out: Costs = self.preferences(number, rows, columns).astype(np.int64)
        for seen, several in _by_window(self._between[number]):
            before = first.choices(seen.slots[number - seen.first], rows)
            after = second.choices(seen.slots[number + 1 - seen.first], columns)
            grid = Grid(before, after, seen.fixed, out.shape)
            out += self._charged(grid, seen, several)
        return np.minimum(out, NEVER)

    def among(self, number: int, edges: tuple[Places, Places], third: Places) -> Costs:
        """Return what faults cost in a window: [edge between its first two slots, third state]."""
        seen = self._windows[number]
        one, two, three = self.slots[number : number + 3]
        rows = one.choices(seen.slots[0], edges[0]) | two.choices(seen.slots[1], edges[1])
        grid = Grid(
            rows, three.choices(seen.slots[2], third), seen.fixed, (len(edges[0]), len(third))
        )
        return self._charged(grid, seen, self._among[number])

    def _charged(self, grid: Grid, seen: Seen, faults: Sequence[Fault]) -> Costs:
        grid.look_up(fault.when for fault in faults)
        never = grid.never
        counts: dict[tuple[int, tuple[int, ...]], NDArray[np.uint16]] = {}
        for fault in faults:
            bits = grid.surely(fault.when)
            if bits is grid.never:
                continue
            price = self._tariff.fault(seen.first, fault)
            if price >= NEVER:
                never = never | bits
            else:
                flags = grid.flags(bits)
                key = (price, flags.shape)
                if key in counts:
                    counts[key] += flags
                else:
                    counts[key] = flags.astype(np.uint16)
        out = np.zeros(grid.shape, np.int64)
        for (price, _), several in counts.items():
            out += price * several.astype(np.int64)
        if never.any():
            out[np.broadcast_to(grid.flags(never) > 0, out.shape)] = NEVER
        return out


def _sides(fault: Fault) -> tuple[bool, bool]:
    return (
        any(place < fault.place for place in fault.touched),
        any(place > fault.place for place in fault.touched),
    )


def _by_window(several: Sequence[tuple[Seen, Fault]]) -> list[tuple[Seen, list[Fault]]]:
    out: dict[int, tuple[Seen, list[Fault]]] = {}
    for seen, fault in several:
        out.setdefault(seen.first, (seen, []))[1].append(fault)
    return list(out.values())


def _enumerated(seen: Seen, place: int) -> Slot:
    """Return the states of a slot of a window: all that fits."""
    time = seen.slots[place]
    fits = {
        v: flags for compiled in seen.compiled for v, flags in compiled.fits.items() if v[1] == time
    }
    voices = [voice for voice, _ in fits]
    rows = []
    count = len(next(iter(fits.values()))) if fits else seen.sizes[HARMONY]
    for chord in range(count):
        choices = [np.flatnonzero(flags[chord]) for flags in fits.values()]
        size = int(np.prod([len(c) for c in choices]))
        if size:
            columns = [g.ravel() for g in np.meshgrid(*choices, indexing="ij")]
            rows.append(np.stack([np.full(size, chord), *columns], axis=1))
    states = np.concatenate(rows)
    return Slot(voices, states, np.zeros(len(states), np.int64))
