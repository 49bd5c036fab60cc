"""How good a piece can be at best, and which states are worth looking at.

Forward and backward sweeps over a lattice: first over two neighbouring slots at a time, then, over
what is left, three. What is cut off on the way is bounded too, so that nothing is called the best
that was only the best of a few. Adds and compares; knows nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from cspcomposer.lattice import NEVER, Costs, Lattice, Places, Prices

Edges = tuple[Places, Places]
# States looked at closely in each slot: to begin with, how many more at a time, and at most.
STATES, MORE, MOST = 150, 400, 1000
# So many in a slot on the average, and fewer in long pieces: memory grows with their square.
AVERAGE, MOVES = 400, 40_000_000
# Moves between these and states outside that are bounded closely.
OUTWARD = 200_000_000
# From one slot to the next, how many edges are looked at three slots at a time, on the average.
EDGES = 600
# For a piece that is wanted soon.
SOON = 300
# Edges are looked at that are so much dearer than asked: the more is known of them, the fewer
# states outside seem near.
FURTHER = 40
ROUNDS = 12
# How much dearer than the best is known state by state.
CLOSE = 100
# More than that above the best bound nothing is looked at, though what was asked for is dearer.
REACH = 160
# By so much a state outside may seem too dear and still be bounded closely, to begin with and at
# most: its neighbours may lie outside too.
SLACK, SLACKEST = 20, 80


@dataclass(frozen=True)
class Bounds:
    """What the sweeps found.

    Attributes:
        best: The least cost of what was looked at, as far as three do.
        cut: The least cost of anything that was cut off.
        states: For each slot, which of the lattice's states were looked at to the end.
        edges: For each slot but the last, which of them are joined to which of the next.
        beyond: For each edge, how much dearer than the best the cheapest piece through it is.
        rises: For each edge that is close to the best, in order, how much dearer the cheapest piece
            gets by each state after it: [edge, state of the next slot but one].
    """

    best: int
    cut: int
    states: tuple[Places, ...]
    edges: tuple[Edges, ...]
    beyond: tuple[Costs, ...]
    rises: tuple[Costs, ...]

    def near(self, margin: int) -> list[NDArray[np.bool_]]:
        """Return for each slot but the last which edges are within a margin of the best."""
        return [beyond <= margin for beyond in self.beyond]

    def rising(self, margin: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield what makes a piece within a margin dearer: slot, three states in a row, how much.

        What makes it dearer than the margin is told as one more than that.

        Args:
            margin: At most `CLOSE`.
        """
        near = self.near(margin)
        for number, rises in enumerate(self.rises):
            close = self.beyond[number] <= CLOSE
            here = near[number][close]
            rows, columns = (places[close][here] for places in self.edges[number])
            after = (places[near[number + 1]].tolist() for places in self.edges[number + 1])
            onward = set(zip(*after, strict=True))
            several = zip(rows.tolist(), columns.tolist(), rises[here].tolist(), strict=True)
            for i, j, prices in several:
                for k, price in enumerate(prices):
                    if price and (j, k) in onward:
                        yield number, i, j, k, min(price, margin + 1)


class Sweeps:
    """Sweeps over a lattice; what was found out once is not asked again.

    Args:
        lattice: The states.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._inner = _Inner(lattice)

    @property
    def states(self) -> float:
        """How many states are looked at closely in each slot, on the average."""
        chosen = self._inner.chosen
        return sum(map(len, chosen)) / len(chosen)

    @property
    def least(self) -> int:
        """What any piece costs at least, as far as was found out."""
        return min(self._inner.best, self._inner.outside)

    def soon(self, margin: int) -> Bounds | None:
        """Return a good piece among the cheapest states of each slot; nothing is said of others.

        Args:
            margin: How much dearer than the best, as far as two slots tell, is still looked at.
        """
        self._inner.swept()
        return self._among(self._inner.best + margin, SOON, 0)

    def bounds(self, most: int, late: Callable[[], bool] = lambda: False) -> Bounds | None:
        """Return how good a piece can be; None if there is none, or no time to find out.

        Args:
            most: What a piece may cost at most to be looked at.
            late: Whether the time is over; nothing can be asked any more then.
        """
        try:
            self._inner.swept(late)
            most = min(most, self._inner.best + REACH)
            self._inner.widened(most, late)
        except _LateError:
            return None
        return self._among(most + FURTHER, EDGES, self._inner.outside)

    def _among(self, most: int, count: int, outside: int) -> Bounds | None:
        """Return what three slots at a time tell of so many edges within."""
        inner = self._inner
        if inner.best >= NEVER:
            return None
        totals = inner.totals()
        most = _affordable(totals, most, count * len(totals))
        rows, columns = zip(*(np.nonzero(total <= most) for total in totals), strict=True)
        keep = [
            np.union1d(after, before).astype(np.intp)
            for after, before in zip([*rows, rows[-1][:0]], [rows[0][:0], *columns], strict=True)
        ]
        edges = [
            (np.searchsorted(keep[n], rows[n]), np.searchsorted(keep[n + 1], columns[n]))
            for n in range(len(totals))
        ]
        if not all(map(len, keep)):
            return None
        states = [chosen[kept] for chosen, kept in zip(inner.chosen, keep, strict=True)]
        three = _Three(inner.lattice, states, edges)
        if three.best >= NEVER:
            return None
        inner.known = three
        return three.bounds(min(most + 1, outside))


def _affordable(totals: Sequence[Costs], most: int, count: int) -> int:
    """Return a cost, not above `most`, up to which there are not more than so many edges."""
    near = np.concatenate([total[total <= most] for total in totals])
    return most if len(near) <= count else int(np.partition(near, count)[count]) - 1


class _Inner:
    """The states of each slot that are looked at closely, and what the others cost at least.

    Rules are asked about moves within; to come from within to a state outside, or back, costs its
    preferences alone, and from one outside to another nothing. Whatever might then still be near
    the best is taken in. Of what was looked at three slots at a time that is remembered.

    Attributes:
        chosen: By slot, the states within.
        moves: What moves within cost.
        ahead: What comes up to each state within costs at least, itself included.
        behind: What comes from it on does, itself included.
        forward: The states within and their moves, as of the last sweep.
        backward: The same, from the end.
        outside: What a piece with a state outside costs at least.
        known: What three slots at a time told last.
    """

    forward: _Way
    backward: _Way

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self.chosen = [np.arange(min(STATES, len(slot.costs))) for slot in lattice.slots]
        self.moves: list[Costs] = [np.zeros((0, 0), np.int64)] * (len(self.chosen) - 1)
        self.ahead: list[Costs] = []
        self.behind: list[Costs] = []
        self.outside = 0
        self._stale = set(range(len(self.moves)))
        self.known: _Three | None = None

    def costs(self) -> list[Costs]:
        """Return what the states within cost by themselves."""
        return [
            slot.costs[chosen] for slot, chosen in zip(self.lattice.slots, self.chosen, strict=True)
        ]

    @property
    def best(self) -> int:
        """What a piece that stays within costs at least."""
        return int(self.ahead[-1].min())

    def widened(self, most: int, late: Callable[[], bool]) -> None:
        """Take in whatever may cost no more than that, and sweep over it."""
        slack = SLACK
        for _ in range(ROUNDS):
            near, self.outside = _near(self, most, slack, late)
            for number, states in enumerate(near):
                if len(states):
                    self.chosen[number] = np.concatenate([self.chosen[number], states])
                    self._stale |= {number - 1, number} & set(range(len(self.moves)))
            if self._stale:
                self.swept(late)
            elif self.outside > most or slack >= SLACKEST:
                break
            else:
                slack *= 2

    def swept(self, late: Callable[[], bool] = lambda: False) -> None:
        """Sweep over the states within."""
        for number in self._stale:
            _in_time(late)
            self.moves[number] = self._asked(number)
        self._stale = set()
        self.forward, self.backward = self._ways()
        self.ahead, self.behind = (
            [np.minimum(known, mixed) for known, mixed in zip(way.known, way.mixed, strict=True)]
            for way in (self.forward, self.backward)
        )
        self.behind.reverse()

    def _ways(self) -> tuple[_Way, _Way]:
        """Return the states within and their moves, forward and backward."""
        known = self.known.known(self.chosen) if self.known else None
        costs = self.costs()
        ahead, behind, over = known or (
            [np.full_like(own, NEVER) for own in costs],
            [np.full_like(own, NEVER) for own in costs],
            [np.full_like(move, -1) for move in self.moves],
        )
        return _Way(costs, self.moves[:], ahead, over), _Way(
            costs[::-1], [m.T for m in reversed(self.moves)], behind[::-1],
            [o.T for o in reversed(over)],
        )  # fmt: skip

    def totals(self) -> list[Costs]:
        """Return what a piece costs at least that goes over each move, staying within."""
        forward, backward = self.forward, self.backward
        out = []
        for number, move in enumerate(self.moves):
            known, mixed = forward.known[number], forward.mixed[number]
            after = backward.known[-2 - number], backward.mixed[-2 - number]
            over = forward.over[number]
            total = np.where(over >= 0, over, known[:, None] + move + after[0][None, :])
            part = np.minimum(mixed[:, None] + np.minimum(*after)[None, :],
                              known[:, None] + after[1][None, :])  # fmt: skip
            out.append(np.minimum(total, part + move))
        return out

    def _asked(self, number: int) -> Costs:
        """Return what moves from a slot to the next cost; what is known is not asked again."""
        known, between = self.moves[number], self.lattice.between
        before, after = self.chosen[number], self.chosen[number + 1]
        out = np.empty((len(before), len(after)), np.int64)
        rows, columns = known.shape
        out[:rows, :columns] = known
        if len(before) > rows:
            out[rows:] = between(number, before[rows:], after)
        if len(after) > columns and rows:
            out[:rows, columns:] = between(number, before[:rows], after[columns:])
        return out


@dataclass(frozen=True)
class _Way:
    """The states within, in one direction.

    Attributes:
        costs: What each costs by itself.
        moves: What moves from slot to slot cost.
        known: What comes up to a state over known moves alone costs at least, itself included, as
            far as three slots tell.
        over: What a piece of known moves alone costs at least that goes over each; -1 if it is
            not known.
    """

    costs: Sequence[Costs]
    moves: Sequence[Costs]
    known: Sequence[Costs]
    over: Sequence[Costs]

    @cached_property
    def mixed(self) -> list[Costs]:
        """What comes up to each state costs at least, itself included, over some unknown move."""
        out = [np.where(self.known[0] < NEVER, NEVER, self.costs[0])]
        for number in range(1, len(self.costs)):
            out.append(self.step(number, out[-1]))
        return out

    def step(self, number: int, mixed: Costs) -> Costs:
        """Return what comes up to each state of a slot costs, not over known moves alone.

        Args:
            number: The slot.
            mixed: The same for the slot before.
        """
        move, known = self.moves[number - 1], self.over[number - 1] >= 0
        before = np.minimum(mixed, self.known[number - 1])
        open_ones = np.where(known, mixed[:, None], before[:, None])
        out: Costs = np.minimum((open_ones + move).min(axis=0) + self.costs[number], NEVER)
        return out


class _LateError(Exception):
    """The time is over."""


def _in_time(late: Callable[[], bool]) -> None:
    if late():
        raise _LateError


def _near(
    inner: _Inner, most: int, slack: int, late: Callable[[], bool]
) -> tuple[list[Places], int]:
    """Return by slot the states outside through which a piece may cost no more than `most`.

    And what a piece with any other state outside costs at least.
    """
    lattice, count = inner.lattice, len(inner.chosen)
    before = [0, *(int(a.min()) for a in inner.ahead[:-1])]
    after = [*(int(b.min()) for b in inner.behind[1:]), 0]
    grey: list[Places] = []
    far: list[int] = []
    for number, slot in enumerate(lattice.slots):
        outside = np.ones(len(slot.costs), bool)
        outside[inner.chosen[number]] = False
        others = np.flatnonzero(outside)
        close = before[number] + slot.costs[others] + after[number] <= most + slack
        # The cheapest come first.
        close[np.flatnonzero(close)[OUTWARD // (count * len(inner.chosen[number])) :]] = False
        grey.append(others[close])
        least = int(slot.costs[others[~close]].min(initial=NEVER))
        far.append(min(least, lattice.beyond[number]))
    costs = [slot.costs[states] for slot, states in zip(lattice.slots, grey, strict=True)]
    out: list[Prices] = []
    back: list[Prices] = []
    for n in range(count - 1):
        _in_time(late)
        out.append(lattice.preferences(n, inner.chosen[n], grey[n + 1]))
        back.append(lattice.preferences(n, grey[n], inner.chosen[n + 1]))
    ahead = _relaxed(inner.forward, costs, far, out, back)
    behind = _relaxed(
        inner.backward,
        costs[::-1],
        far[::-1],
        [m.T for m in reversed(back)],
        [m.T for m in reversed(out)],
    )[::-1]
    near, least = [], NEVER
    average = min(AVERAGE, isqrt(MOVES // count))
    share = average - sum(map(len, inner.chosen)) // count
    for number in range(count):
        through = ahead[number][0] + behind[number][0] - costs[number]
        room = max(0, min(MORE, MOST - len(inner.chosen[number]), share))
        order = np.argsort(through, kind="stable")
        taken = order[:room][through[order[:room]] <= most]
        near.append(grey[number][taken])
        least = min(least, int(np.delete(through, taken).min(initial=NEVER)))
        least = min(least, ahead[number][1] + behind[number][1] - far[number])
    return near, least


def _relaxed(
    way: _Way,
    grey: Sequence[Costs],
    far: Sequence[int],
    out: Sequence[Prices],
    back: Sequence[Prices],
) -> list[tuple[Costs, int]]:
    """Return the least cost up to each grey state, and up to whatever is further away.

    Args:
        way: The states within.
        grey: What some outside cost.
        far: What the others outside cost at least.
        out: From within to grey.
        back: From grey to within.
    """
    mixed, around, beyond = way.mixed[0], grey[0], far[0]
    found = [(around, beyond)]
    for t, (leave, enter) in enumerate(zip(out, back, strict=True), 1):
        inside = np.minimum(way.known[t - 1], mixed)
        outside = min(int(around.min(initial=NEVER)), beyond)
        entered = np.minimum((around[:, None] + enter).min(axis=0, initial=NEVER), beyond)
        left = np.minimum((inside[:, None] + leave).min(axis=0), outside)
        beyond = min(NEVER, far[t] + min(int(inside.min()), outside))
        mixed = np.minimum(way.step(t, mixed), way.costs[t] + entered)
        around = grey[t] + left
        found.append((around, beyond))
    return found


class _Three:
    """What three slots at a time tell of some edges.

    Attributes:
        best: The least cost.
    """

    def __init__(self, lattice: Lattice, states: Sequence[Places], edges: Sequence[Edges]) -> None:
        self._states, self._edges = states, edges
        self._own = [costs[kept] for costs, kept in zip(lattice.preferred, states, strict=True)]
        self._joined = [
            lattice.preferences(number, states[number], states[number + 1])[edge]
            for number, edge in enumerate(edges)
        ]
        self._steps = [_step(lattice, number, states, edges) for number in range(len(edges) - 1)]
        self._ahead = self._forward()
        self._behind, self._rises = self._backward()
        self.best = int(self._ahead[-1].min(initial=NEVER))

    def _forward(self) -> list[Costs]:
        """Return what comes up to the end of each edge costs."""
        own, edges = self._own, self._edges
        out = [own[0][edges[0][0]] + self._joined[0] + own[1][edges[0][1]]]
        for number, step in enumerate(self._steps):
            onward = _least_by(out[-1][:, None] + step, edges[number][1], len(own[number + 1]))
            rows, columns = edges[number + 1]
            more = self._joined[number + 1] + own[number + 2][columns]
            out.append(np.minimum(onward[rows, columns] + more, NEVER))
        return out

    def _backward(self) -> tuple[list[Costs], list[Costs]]:
        """Return what comes after each edge costs, and how much dearer a close one gets."""
        own, edges, ahead = self._own, self._edges, self._ahead
        best = int(ahead[-1].min(initial=NEVER))
        out = [np.zeros(len(edges[-1][0]), np.int64)]
        rises: list[Costs] = []
        for number in reversed(range(len(self._steps))):
            rows, columns = edges[number + 1]
            more = self._joined[number + 1] + own[number + 2][columns] + out[-1]
            full = np.full((len(own[number + 1]), len(own[number + 2])), NEVER, np.int64)
            full[rows, columns] = more
            onward = self._steps[number] + full[edges[number][1]]
            out.append(np.minimum(onward.min(axis=1, initial=NEVER), NEVER))
            close = ahead[number] + out[-1] <= best + CLOSE
            rises.append(onward[close] - out[-1][close, None])
        return out[::-1], rises[::-1]

    def bounds(self, cut: int) -> Bounds:
        """Return what is known of the edges, where what was cut off costs at least so much."""
        beyond = [a + b - self.best for a, b in zip(self._ahead, self._behind, strict=True)]
        return Bounds(
            self.best, cut, tuple(self._states), tuple(self._edges), tuple(beyond),
            tuple(self._rises),
        )  # fmt: skip

    def known(self, chosen: Sequence[Places]) -> tuple[list[Costs], list[Costs], list[Costs]]:
        """Return what comes up to states, and from them on, over these edges costs at least.

        Args:
            chosen: By slot, the states that are asked about.

        Returns:
            By slot: up to each state, itself included; from it on, itself included; and between
            slots, what a piece over each edge costs; -1 where there is none.
        """
        count = len(self._states)
        ahead = [np.full(len(places), NEVER, np.int64) for places in self._states]
        behind = [a.copy() for a in ahead]
        ahead[0], behind[-1] = self._own[0], self._own[-1]
        for number, (rows, columns) in enumerate(self._edges):
            np.minimum.at(ahead[number + 1], columns, self._ahead[number])
            rest = self._joined[number] + self._own[number + 1][columns] + self._behind[number]
            np.minimum.at(behind[number], rows, self._own[number][rows] + rest)
        places = [_places(asked, known) for asked, known in zip(chosen, self._states, strict=True)]
        over = []
        for number, (rows, columns) in enumerate(self._edges):
            size = len(self._states[number]) + 1, len(self._states[number + 1]) + 1
            one = np.full(size, -1, np.int64)
            one[rows, columns] = np.minimum(self._ahead[number] + self._behind[number], NEVER)
            over.append(one[np.ix_(places[number], places[number + 1])])
        return (
            [np.append(ahead[n], NEVER)[places[n]] for n in range(count)],
            [np.append(behind[n], NEVER)[places[n]] for n in range(count)],
            over,
        )


def _places(asked: Places, known: Places) -> Places:
    """Return where some numbers stand among others, which are some; or how many these are."""
    order = np.argsort(known)
    at = np.searchsorted(known[order], asked)
    found = order[np.minimum(at, len(order) - 1)]
    return np.where(known[found] == asked, found, len(known))


def _step(lattice: Lattice, number: int, states: Sequence[Places], edges: Sequence[Edges]) -> Costs:
    """Return what a third state costs after each edge: [edge, state]."""
    edge, onward = edges[number], edges[number + 1]
    pieces = states[number][edge[0]], states[number + 1][edge[1]]
    out = lattice.among(number, pieces, states[number + 2])
    joined = np.zeros((len(states[number + 1]), out.shape[1]), bool)
    joined[onward] = True
    out[~joined[edge[1]]] = NEVER
    return out


def _least_by(costs: Costs, middle: Places, count: int) -> Costs:
    """Return the least row for each middle state: [state, third state]."""
    order = np.argsort(middle, kind="stable")
    states, starts = np.unique(middle[order], return_index=True)
    out = np.full((count, costs.shape[1]), NEVER, np.int64)
    out[states] = np.minimum.reduceat(costs[order], starts, axis=0)
    return out
