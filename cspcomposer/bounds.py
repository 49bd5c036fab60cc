"""How good a piece can be at best, and which states are worth looking at.

Forward and backward sweeps over a lattice: first over two neighbouring slots at a time, then, over
what is left, three. What is cut off on the way is bounded too, so that nothing is called the best
that was only the best of a few. Adds and compares; knows nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np

from cspcomposer.bounds_three import Bounds, Three
from cspcomposer.lattice import NEVER, Costs, Lattice, Places, Prices
from cspcomposer.patience import Late, LateError, in_time, never

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
# More than that above the best bound nothing is looked at, though what was asked for is dearer.
REACH = 160
# By so much a state outside may seem too dear and still be bounded closely, to begin with and at
# most: its neighbours may lie outside too.
SLACK, SLACKEST = 20, 80


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
        inner = self._inner
        return min(inner.best, inner.outside) if inner.ahead else 0

    def soon(self, margin: int, late: Late = never) -> Bounds | None:
        """Return a good piece among the cheapest states of each slot; nothing is said of others.

        Args:
            margin: How much dearer than the best, as far as two slots tell, is still looked at.
            late: Whether the time is over; None is returned then.
        """
        try:
            self._inner.swept(late)
            self._inner.glanced(late)
        except LateError:
            return None
        return self._among(self._inner.best + margin, SOON, 0)

    def bounds(self, most: int, late: Late = never) -> Bounds | None:
        """Return how good a piece can be; None if there is none, or no time to find out.

        Args:
            most: What a piece may cost at most to be looked at.
            late: Whether the time is over; nothing can be asked any more then.
        """
        try:
            self._inner.swept(late)
            most = min(most, self._inner.best + REACH)
            self._inner.widened(most, late)
        except LateError:
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
        three = Three(inner.lattice, states, edges)
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
        self.known: Three | None = None

    def costs(self) -> list[Costs]:
        """Return what the states within cost by themselves."""
        return [
            slot.costs[chosen] for slot, chosen in zip(self.lattice.slots, self.chosen, strict=True)
        ]

    @property
    def best(self) -> int:
        """What a piece that stays within costs at least."""
        return int(self.ahead[-1].min())

    def glanced(self, late: Late) -> None:
        """Find out what a piece with a state outside costs at least, looking at none of them."""
        _, self.outside = _near(self, -NEVER, 0, late)

    def widened(self, most: int, late: Late) -> None:
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

    def swept(self, late: Late = never) -> None:
        """Sweep over the states within."""
        for number in self._stale:
            in_time(late)
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


def _near(inner: _Inner, most: int, slack: int, late: Late) -> tuple[list[Places], int]:
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
        in_time(late)
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
