"""Windows: which choices of an answer are opened at a time to make it better.

Some neighbouring places, over all lanes or in one; and places together with those that are like
them, so that what is repeated can change in both places at once. Kinds of windows are chosen by
what they gained of late. Knows costs and places, and nothing about music.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from cspcomposer.solver import Decision

# Windows over the places with the most faults, beside these or before them, gain nothing: ten
# pieces cost 30,903 and 30,960 in all with them, 30,889 without.
WIDTHS = (6, 8, 4)
LANE_WIDTHS = (8, 16)
# Of what is repeated: so many places at a time; so many alike in a row are a repeat.
TWIN_WIDTH, RUN = 4, 5
# How far beyond its border what a window holds may depend on others.
CONTEXT = 3
# Where less than one in so many windows of the first sweep helped, what is repeated comes first.
SELDOM = 10
# How much more a fault on a higher level counts, where gains are compared.
_STRONGER = 100
Twins = Mapping[int, frozenset[int]]
# What windows that open the same, and their neighbourhood, held when they were searched in vain.
Hopeless = dict[frozenset[tuple[int, str]], frozenset[Decision]]


@dataclass(frozen=True)
class Window:
    """What is opened.

    Attributes:
        places: Where.
        lane: In which lane alone; in all if it is empty.
    """

    places: frozenset[int]
    lane: str = ""

    def opens(self, decision: Decision) -> bool:
        """Return whether a choice is open."""
        return decision.place in self.places and self.lane in ("", decision.lane)


def kinds(chosen: Sequence[Decision]) -> list[Kind]:
    """Return the kinds of windows: over all lanes, over each by itself, over what is repeated."""
    held = {("", d.place) for d in chosen} | {(d.lane, d.place) for d in chosen}
    first, last = (pick((d.place for d in chosen), default=0) for pick in (min, max))
    names = sorted({d.lane for d in chosen})

    def over(width: int, lanes: Sequence[str]) -> list[tuple[int, str]]:
        """Return where windows begin that open something."""
        return [
            (start, lane)
            for start in range(first + 1 - width // 2, last + 1, max(1, width // 2))
            for lane in lanes
            if any((lane, place) in held for place in range(start, start + width))
        ]

    hopeless: Hopeless = {}
    out: list[Kind] = []
    for width, lanes in [*((w, [""]) for w in WIDTHS), *((w, names) for w in LANE_WIDTHS)]:
        windows = over(width, lanes)
        out.append(Kind(width, windows, hopeless, len(windows) if not out else 1))
    return [*out, Kind(TWIN_WIDTH, over(TWIN_WIDTH, [""]), hopeless, twins=True)]


def ranked(kinds: Sequence[Kind]) -> list[Kind]:
    """Return the kinds in the order in which they are to be tried: by what they gained of late.

    Where the first sweep hardly helped, what is repeated comes first: rules may want it to change
    in all its places at once, or not at all.
    """
    stuck = kinds[0].seldom
    return sorted(kinds, key=lambda kind: (not (stuck and kind.twins), -kind.worth))


class Kind:
    """Windows of one width, over all lanes or one at a time, and what they were worth.

    Attributes:
        twins: Whether they open places together with those that are like them.
        seldom: Whether hardly any helped when each had been tried once.
    """

    def __init__(
        self,
        width: int,
        windows: Sequence[tuple[int, str]],
        hopeless: Hopeless,
        sweep: int = 1,
        *,
        twins: bool = False,
    ) -> None:
        self._width, self._windows, self._sweep, self.twins = width, windows, sweep, twins
        self._late, self._tried, self._helped = inf, 0, 0
        self.seldom = False
        self._hopeless = hopeless
        self._at = 0

    @property
    def worth(self) -> float:
        """What was gained for a conflict, of late; as much as can be until all were tried."""
        return inf if self._tried < self._sweep else self._late

    def following(self, chosen: Sequence[Decision], alike: Twins) -> Window | None:
        """Return the next window in turn that may help; None if none may."""
        for _ in self._windows:
            start, lane = self._windows[self._at]
            self._at = (self._at + 1) % len(self._windows)
            places = frozenset(range(start, start + self._width))
            if self.twins:
                others = frozenset().union(*(alike.get(place, ()) for place in places))
                if others <= places:
                    continue
                places |= others
            window = Window(places, lane)
            opened, around = _opened(window, chosen), _around(window, chosen)
            if self._hopeless.get(opened) != around:
                self._hopeless[opened] = around
                return window
        return None

    def helped(self, window: Window, chosen: Sequence[Decision]) -> None:
        """Note that a window made an answer better: it may do so again."""
        self._hopeless.pop(_opened(window, chosen), None)

    def learn(self, before: Sequence[int], after: Sequence[int], conflicts: int) -> None:
        """Note what a window gained."""
        gain = sum(
            (_STRONGER**place) * (b - a)
            for place, (b, a) in enumerate(zip(reversed(before), reversed(after), strict=True))
        )
        now = gain / max(1, conflicts)
        self._tried += 1
        self._helped += gain > 0
        if self._tried == self._sweep:
            self.seldom = SELDOM * self._helped < self._tried
        self._late = now if self._late == inf else (self._late + now) / 2


def _opened(window: Window, chosen: Sequence[Decision]) -> frozenset[tuple[int, str]]:
    return frozenset((d.place, d.lane) for d in chosen if window.opens(d))


def _around(window: Window, chosen: Sequence[Decision]) -> frozenset[Decision]:
    near = {p + d for p in window.places for d in range(-CONTEXT, CONTEXT + 1)}
    return frozenset(d for d in chosen if d.place in near)


def twins(chosen: Sequence[Decision]) -> Twins:
    """Return for each place those where the same is chosen, but for one lane, for a while."""
    said: dict[int, list[tuple[str, object]]] = defaultdict(list)
    for decision in chosen:
        # What is chosen is told last.
        said[decision.place].append((decision.lane, decision.atom.arguments[-1]))
    last = max(said, default=0)
    held = [frozenset(said.get(place, ())) for place in range(last + 1)]
    out: dict[int, set[int]] = defaultdict(set)
    for apart in range(1, last + 1):
        run: list[int] = []
        for place in range(last + 2 - apart):
            if place + apart <= last and _alike(held[place], held[place + apart]):
                run.append(place)
                continue
            if len(run) >= RUN:
                for one in run:
                    out[one].add(one + apart)
                    out[one + apart].add(one)
            run = []
    return {place: frozenset(others) for place, others in out.items()}


def _alike(one: frozenset[object], other: frozenset[object]) -> bool:
    return len(one & other) >= max(2, len(one) - 1)
