"""How good a piece can be at best, and which states are worth looking at.

Forward and backward sweeps over a lattice: first over two neighbouring slots at a time, then, over
what is left, three. What is cut off on the way is bounded too, so that nothing is called the best
that was only the best of a few. Adds and compares; knows nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cspcomposer.lattice import NEVER, Costs, Lattice, Places, Prices

Edges = tuple[Places, Places]
# States looked at closely in each slot: to begin with, how many more at a time, and at most.
STATES, MORE, MOST = 150, 400, 1200
# From one slot to the next, how many edges are looked at three slots at a time, on the average.
EDGES = 2500
# For a piece that is wanted soon.
SOON = 300
ROUNDS = 12
# How much dearer than the best is known state by state.
CLOSE = 100
# By so much a state outside may seem too dear and still be bounded closely: its neighbours may lie
# outside too.
SLACK = 0


@dataclass(frozen=True)
class Bounds:
    """What the sweeps found.

    Attributes:
        two: The least cost as far as two neighbouring slots tell.
        best: The least cost of what was looked at, as far as three do.
        cut: The least cost of anything that was cut off.
        path: A piece of the least cost: for each slot a place in `states`.
        states: For each slot, which of the lattice's states were looked at to the end.
        edges: For each slot but the last, which of them are joined to which of the next.
        beyond: For each edge, how much dearer than the best the cheapest piece through it is.
        rises: For each edge that is close to the best, in order, how much dearer the cheapest piece
            gets by each state after it: [edge, state of the next slot but one].
    """

    two: int
    best: int
    cut: int
    path: tuple[int, ...]
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

    def soon(self, margin: int) -> Bounds | None:
        """Return a good piece among the cheapest states of each slot; nothing is said of others.

        Args:
            margin: How much dearer than the best, as far as two slots tell, is still looked at.
        """
        best = self._inner.swept()
        return _among(self._inner, best, margin, 0, SOON)

    def bounds(self, margin: int, late: Callable[[], bool] = lambda: False) -> Bounds | None:
        """Return how good a piece can be; None if there is none, or no time to find out.

        Args:
            margin: How much dearer than the best, as far as two slots tell, is still looked at.
            late: Whether the time is over; nothing can be asked any more then.
        """
        try:
            best = self._inner.widened(margin, late)
        except _LateError:
            return None
        return _among(self._inner, best, margin, self._inner.outside, EDGES)


def _among(inner: _Inner, best: int, margin: int, outside: int, most: int) -> Bounds | None:
    """Return what three slots at a time tell of the states within, where two say `best`."""
    if best >= NEVER:
        return None
    ahead, behind = inner.ahead, inner.behind
    beyond = []
    for number, move in enumerate(inner.moves):
        total = ahead[number][:, None] + move
        total += (inner.costs(number + 1) + behind[number + 1])[None, :]
        beyond.append(total - best)
    margin = _affordable(beyond, margin, most * len(beyond))
    keep = [np.flatnonzero(a + b <= best + margin) for a, b in zip(ahead, behind, strict=True)]
    edges: list[Edges] = []
    for number, dear in enumerate(beyond):
        rows, columns = np.nonzero(dear[np.ix_(keep[number], keep[number + 1])] <= margin)
        edges.append((rows, columns))
    states = [chosen[kept] for chosen, kept in zip(inner.chosen, keep, strict=True)]
    cut = min(best + margin + 1, outside)
    return _by_three(inner.lattice, states, edges, best, cut)


def _affordable(beyond: Sequence[Costs], margin: int, most: int) -> int:
    """Return a margin, not above one, within which there are not too many edges."""
    counts = np.zeros(margin + 1, np.int64)
    for dear in beyond:
        counts += np.bincount(dear[dear <= margin], minlength=margin + 1)
    return max(0, int(np.searchsorted(np.cumsum(counts), most, side="right")) - 1)


class _Inner:
    """The states of each slot that are looked at closely, and what the others cost at least.

    Rules are asked about moves within; to come from within to a state outside, or back, costs its
    preferences alone, and from one outside to another nothing. Whatever might then still be near
    the best is taken in.

    Attributes:
        chosen: By slot, the states within.
        moves: What moves within cost.
        ahead: The least cost up to each state within, itself included, staying within.
        behind: The least cost from it on, itself left out.
        outside: What a piece with a state outside costs at least.
    """

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self.chosen = [np.arange(min(STATES, len(slot.costs))) for slot in lattice.slots]
        self.moves: list[Costs] = [np.zeros((0, 0), np.int64)] * (len(self.chosen) - 1)
        self.ahead: list[Costs] = []
        self.behind: list[Costs] = []
        self.outside = NEVER
        self._stale = set(range(len(self.moves)))

    def costs(self, number: int) -> Costs:
        """Return what the states within cost by themselves."""
        return self.lattice.slots[number].costs[self.chosen[number]]

    def widened(self, margin: int, late: Callable[[], bool]) -> int:
        """Take in whatever may be within a margin of the best, and return the best."""
        best = NEVER
        for _ in range(ROUNDS):
            best = self.swept(late)
            near, self.outside = _near(self.lattice, self, best + margin, late)
            for number, states in enumerate(near):
                if len(states):
                    self.chosen[number] = np.concatenate([self.chosen[number], states])
                    self._stale |= {number - 1, number} & set(range(len(self.moves)))
            if not self._stale:
                break
        return best if not self._stale else self.swept(late)

    def swept(self, late: Callable[[], bool] = lambda: False) -> int:
        """Sweep over the states within, and return the best."""
        for number in self._stale:
            _in_time(late)
            self.moves[number] = self._asked(number)
        self._stale = set()
        costs = [self.costs(number) for number in range(len(self.chosen))]
        self.ahead, self.behind = _swept(costs, self.moves)
        return int(self.ahead[-1].min())


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


class _LateError(Exception):
    """The time is over."""


def _in_time(late: Callable[[], bool]) -> None:
    if late():
        raise _LateError


def _near(
    lattice: Lattice, inner: _Inner, most: int, late: Callable[[], bool]
) -> tuple[list[Places], int]:
    """Return by slot the states outside through which a piece may cost no more than `most`.

    And what a piece with any other state outside costs at least.
    """
    count = len(inner.chosen)
    own = [inner.costs(number) for number in range(count)]
    before = [0, *(int(a.min()) for a in inner.ahead[:-1])]
    after = [*(int((c + b).min()) for c, b in zip(own[1:], inner.behind[1:], strict=True)), 0]
    grey: list[Places] = []
    far: list[int] = []
    for number, slot in enumerate(lattice.slots):
        outside = np.ones(len(slot.costs), bool)
        outside[inner.chosen[number]] = False
        others = np.flatnonzero(outside)
        close = before[number] + slot.costs[others] + after[number] <= most + SLACK
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
    ahead = _relaxed(own, costs, far, inner.moves, out, back)
    behind = _relaxed(
        own[::-1], costs[::-1], far[::-1],
        [m.T for m in reversed(inner.moves)],
        [m.T for m in reversed(back)], [m.T for m in reversed(out)],
    )[::-1]  # fmt: skip
    near, least = [], NEVER
    for number in range(count):
        through = ahead[number][0] + behind[number][0] - costs[number]
        room = max(0, min(MORE, MOST - len(inner.chosen[number])))
        order = np.argsort(through, kind="stable")
        taken = order[:room][through[order[:room]] <= most]
        near.append(grey[number][taken])
        least = min(least, int(np.delete(through, taken).min(initial=NEVER)))
        least = min(least, ahead[number][1] + behind[number][1] - far[number])
    return near, least


def _relaxed(
    within: Sequence[Costs],
    grey: Sequence[Costs],
    far: Sequence[int],
    moves: Sequence[Costs],
    out: Sequence[Prices],
    back: Sequence[Prices],
) -> list[tuple[Costs, int]]:
    """Return the least cost up to each grey state, and up to whatever is further away.

    Args:
        within: By slot, what the states within cost.
        grey: What some outside cost.
        far: What the others outside cost at least.
        moves: From within to within.
        out: From within to grey.
        back: From grey to within.
    """
    inside, around, beyond = within[0], grey[0], far[0]
    found = [(around, beyond)]
    for t, (move, leave, enter) in enumerate(zip(moves, out, back, strict=True), 1):
        outside = min(int(around.min(initial=NEVER)), beyond)
        entered = np.minimum((around[:, None] + enter).min(axis=0, initial=NEVER), beyond)
        left = np.minimum((inside[:, None] + leave).min(axis=0), outside)
        beyond = min(NEVER, far[t] + min(int(inside.min()), outside))
        inside = within[t] + np.minimum((inside[:, None] + move).min(axis=0), entered)
        around = grey[t] + left
        found.append((around, beyond))
    return found


def _swept(costs: Sequence[Costs], moves: Sequence[Costs]) -> tuple[list[Costs], list[Costs]]:
    """Return the least cost up to each state, itself included, and from it on, itself left out."""
    ahead = [costs[0]]
    for move, own in zip(moves, costs[1:], strict=True):
        ahead.append((ahead[-1][:, None] + move).min(axis=0) + own)
    behind = [np.zeros_like(costs[-1])]
    for move, own in zip(reversed(moves), reversed(costs[1:]), strict=True):
        behind.append((move + (own + behind[-1])[None, :]).min(axis=1))
    behind.reverse()
    return ahead, behind


def _by_three(
    lattice: Lattice, states: list[Places], edges: list[Edges], two: int, cut: int
) -> Bounds | None:
    own = [costs[kept] for costs, kept in zip(lattice.preferred, states, strict=True)]
    joined = [
        lattice.preferences(number, states[number], states[number + 1])[edge]
        for number, edge in enumerate(edges)
    ]
    count = len(edges)
    if not count:
        return None
    begin = own[0][edges[0][0]] + joined[0] + own[1][edges[0][1]]
    ahead = [begin]
    steps: list[Costs] = []
    for number in range(count - 1):
        step = _step(lattice, number, states, edges)
        steps.append(step)
        onward = _least_by(ahead[-1][:, None] + step, edges[number][1], len(own[number + 1]))
        rows, columns = edges[number + 1]
        more = joined[number + 1] + own[number + 2][columns]
        ahead.append(np.minimum(onward[rows, columns] + more, NEVER))
    best = int(ahead[-1].min())
    if best >= NEVER:
        return None
    behind = [np.zeros(len(edges[-1][0]), np.int64)]
    rises: list[Costs] = []
    for number in reversed(range(count - 1)):
        rows, columns = edges[number + 1]
        more = joined[number + 1] + own[number + 2][columns] + behind[-1]
        full = np.full((len(own[number + 1]), len(own[number + 2])), NEVER, np.int64)
        full[rows, columns] = more
        onward = steps[number] + full[edges[number][1]]
        behind.append(np.minimum(onward.min(axis=1), NEVER))
        close = ahead[number] + behind[-1] <= best + CLOSE
        rises.append(onward[close] - behind[-1][close, None])
    behind.reverse()
    rises.reverse()
    beyond = tuple(a + b - best for a, b in zip(ahead, behind, strict=True))
    path = _back(ahead, steps, edges)
    return Bounds(two, best, cut, path, tuple(states), tuple(edges), beyond, tuple(rises))


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


def _back(
    ahead: Sequence[Costs], steps: Sequence[Costs], edges: Sequence[Edges]
) -> tuple[int, ...]:
    """Return the states of a cheapest piece."""
    at = int(ahead[-1].argmin())
    path = [int(edges[-1][1][at]), int(edges[-1][0][at])]
    for number in reversed(range(len(steps))):
        rows = np.flatnonzero(edges[number][1] == path[-1])
        at = rows[int((ahead[number][rows] + steps[number][rows, path[-2]]).argmin())]
        path.append(int(edges[number][0][at]))
    return tuple(reversed(path))
