"""What a piece costs at least that goes over a move, as far as three slots at a time tell.

Forward and backward over some moves of a lattice. Adds and compares; knows nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cspcomposer.lattice import NEVER, Costs, Lattice, Places

Edges = tuple[Places, Places]
# How much dearer than the best is known state by state.
CLOSE = 100


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


class Three:
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
