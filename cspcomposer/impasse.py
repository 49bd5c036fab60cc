"""Where a piece cannot be set: a few neighbouring moments that leave no way, whatever is around.

The piece is looked at through windows that overlap. No rule takes the border of a window for a
beginning or an end, and its first moments, of which it is not told what led to them, are not
judged; so what has no setting there has none in the piece. Knows no rule.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cspcomposer.facts_slice import Part, Slices, told
from cspcomposer.solver import Outcome, Solver, Source

# Slots in a window, those at its beginning that are not judged, and how far one begins after
# another; what is not decided soon is passed over.
WIDTH, BEFORE, STEP = 12, 4, 6
CONFLICTS = 2_000


def place(
    solver: Solver,
    rules: Sequence[Source],
    slices: Slices,
    slots: Sequence[int],
    chords: Mapping[int, Iterable[str]],
    *,
    first: Sequence[int] = (),
    elsewhere: bool = True,
) -> Part | None:
    """Return a part in which nothing can be set; None if none is found.

    Args:
        solver: Where to look; what it has grounded is lost.
        rules: The texts by which a piece is set, with the hard rules.
        slices: What is told of the piece.
        slots: Its slots, in ticks.
        chords: By slot, every chord there is.
        first: Times before which to look first.
        elsewhere: Whether to look at all others then.
    """
    if len(slots) <= WIDTH:
        return None
    for begin in _order(slots, first, elsewhere=elsewhere):
        inside = slots[begin : begin + WIDTH]
        end = slots[begin + WIDTH] if begin + WIDTH < len(slots) else slices.onsets[-1] + 1
        part = Part(inside[0], inside[BEFORE] if begin else inside[0], end)
        solver.ground([*rules, *told(slices, part), Source("chords", considered(chords, inside))])
        for step in solver.solve(show=["harmony"], conflicts=CONFLICTS, answers=1):
            if isinstance(step, Outcome) and step.satisfiable is False:
                return part
    return None


def considered(chords: Mapping[int, Iterable[str]], slots: Iterable[int]) -> str:
    """Return facts: at some slots every chord there is, is looked at."""
    return "\n".join(f'considered({slot},"{name}").' for slot in slots for name in chords[slot])


def _order(slots: Sequence[int], first: Sequence[int], *, elsewhere: bool) -> Iterator[int]:
    """Yield where windows begin: those that end with a time named first, then the others."""
    last = len(slots) - WIDTH
    near = [min(last, max(0, bisect_left(slots, time + 1) - WIDTH)) for time in first]
    others = [*range(0, last, STEP), last] if elsewhere else []
    yield from dict.fromkeys([*near, *others])
