"""As many things as may be, so that of no kind there are more than allowed. Knows no music.

Every thing is of a kind in each of several ways. Where there is one way, taking what still fits is
best; with two the best is a flow from the kinds of the one to those of the other; for more no quick
way is known, and what is found may not be the most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence

Kinds = tuple[Hashable, ...]


def most(
    kinds: Sequence[Kinds], limits: Sequence[int], wanted: int, taken: Sequence[Kinds] = ()
) -> tuple[list[int], bool]:
    """Return which things are taken, and whether it is certain that there could not be more.

    Args:
        kinds: What each thing is, in each way; the first ones are taken first.
        limits: How many of a kind there may be, for each way.
        wanted: How many are enough.
        taken: Things that are there already and count.
    """
    ways = range(len(limits))
    had = [Counter(one[way] for one in taken) for way in ways]
    there, count = Counter(kinds), Counter[Kinds]()
    total = 0
    for one in kinds:
        if total == wanted:
            break
        if all(had[way][one[way]] < limits[way] for way in ways):
            count[one] += 1
            total += 1
            for way in ways:
                had[way][one[way]] += 1
    if len(limits) == 2:
        while total < wanted and (more := _more(there, count, had, limits)):
            total += more
    places = []
    for place, one in enumerate(kinds):
        if count[one]:
            count[one] -= 1
            places.append(place)
    return places, len(limits) < 3 or total == len(kinds)


def _more(
    there: Mapping[Kinds, int],
    count: Counter[Kinds],
    had: Sequence[Counter[Hashable]],
    limits: Sequence[int],
) -> int:
    """Exchange things so that one more can be taken; return 0 if that cannot be.

    It is a path from a kind of the first way that has room to one of the second that has: things
    are taken on the way there, and given back on the way back.
    """
    by_first: dict[Hashable, list[Kinds]] = {}
    by_second: dict[Hashable, list[Kinds]] = {}
    for one in there:
        by_first.setdefault(one[0], []).append(one)
        by_second.setdefault(one[1], []).append(one)
    way: dict[tuple[int, Hashable], Kinds | None] = {
        (0, kind): None for kind in by_first if had[0][kind] < limits[0]
    }
    waiting = deque(way)
    while waiting:
        side, kind = waiting.popleft()
        if side == 1 and had[1][kind] < limits[1]:
            had[1][kind] += 1
            while (back := way[side, kind]) is not None:
                count[back] += 1 if side == 1 else -1
                side, kind = 1 - side, back[1 - side]
            had[0][kind] += 1
            return 1
        for one in by_first[kind] if side == 0 else by_second[kind]:
            free = count[one] < there[one] if side == 0 else count[one] > 0
            after = (1 - side, one[1 - side])
            if free and after not in way:
                way[after] = one
                waiting.append(after)
    return 0
