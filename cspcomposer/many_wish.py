"""Which answers are wanted: how many, how far apart, how good. Composes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer.compose import Composition
from cspcomposer.errors import BadInput, Fault, counted
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import places
from cspcomposer.spec import MOST_ANSWERS, By
from cspcomposer.specfile import LoadedSpec
from cspcomposer.specforms import percent, percentage

Cost = tuple[int, int]
UNITS: dict[By, str] = {"notes": "note", "harmony": "chord", "rhythm": "attack"}
_ROOM: dict[By, str] = {
    "notes": "{} can be chosen", "harmony": "{} can be chosen", "rhythm": "{} can differ"
}  # fmt: skip
# Where nobody says how far, one in so many of the places that could differ does.
SHARES: dict[By, int] = {"notes": 4, "harmony": 4, "rhythm": 16}


@dataclass(frozen=True)
class Wish:
    """How many answers are wanted, and which.

    Attributes:
        count: How many.
        distance: In how many places any two of them differ at least.
        by: What is counted as a difference.
        within: How much dearer than the best one may be, as a share of what that costs.
    """

    count: int
    distance: int
    by: By
    within: Fraction

    @property
    def apart(self) -> str:
        """How far answers are apart, as one says it: "8 notes"."""
        return counted(self.distance, UNITS[self.by])

    def cost(self, piece: Composition) -> Cost:
        """Return what an answer is judged by: its setting's cost; by rhythm, its surface's too."""
        strong, mild = judged(piece.cost)
        more = judged(piece.surface.cost) if self.by == "rhythm" else (0, 0)
        return strong + more[0], mild + more[1]

    def allows(self, cost: Cost, best: Cost) -> bool:
        """Return whether an answer has no more strong faults than another and is not too dear."""
        return cost <= best or (cost[0] == best[0] and above(cost, best) <= self.within)

    def counting(self, pieces: Sequence[Composition]) -> list[bool]:
        """Return for each answer whether it is good enough beside the best of them."""
        best = self.best(pieces)
        return [self.allows(self.cost(piece), best) for piece in pieces]

    def best(self, pieces: Sequence[Composition]) -> Cost:
        """Return what the best of some answers costs."""
        return min(map(self.cost, pieces))


def judged(cost: Sequence[int]) -> Cost:
    """Return strong faults, and what mild ones and preferences cost; what is not there costs 0."""
    return sum(cost[:-1]), sum(cost[-1:])


def above(cost: Cost, best: Cost) -> Fraction:
    """Return how much more the mild faults and preferences of an answer cost, as a share."""
    return Fraction(cost[1] - best[1], max(1, best[1]))


def wished(
    loaded: LoadedSpec,
    plan: Outline,
    *,
    answers: int | None = None,
    distance: int | None = None,
    by: By | None = None,
    within: float | Fraction | str | None = None,
) -> Wish:
    """Return which answers are wanted; what is left out is the specification's word.

    Args:
        loaded: The specification.
        plan: Its outline.
        answers: How many.
        distance: In how many places any two differ at least.
        by: What is counted: "notes", "harmony" or "rhythm".
        within: How much dearer than the best one may be: "5%", or 0.05.

    Raises:
        BadInput: there cannot be such answers.
    """
    spec = loaded.spec.answers
    count = spec.count if answers is None else answers
    by = spec.by if by is None else by
    share = spec.within if within is None else _share(within)
    if not 1 <= count <= MOST_ANSWERS:
        raise BadInput(Fault(f"{count} answers: expected 1 to {MOST_ANSWERS}."))
    if by not in UNITS:
        raise BadInput(Fault(f"answers by '{by}': expected {', '.join(UNITS)}."))
    far = spec.distance if distance is None else distance
    room = len(places(plan, by))
    wish = Wish(count, max(1, room // SHARES[by]) if far is None else far, by, share)
    if count > 1:
        _know_room(loaded, wish, room)
    return wish


def _share(within: float | Fraction | str) -> Fraction:
    try:
        share = percent(within) if isinstance(within, str) else Fraction(within)
    except ValueError as error:
        raise BadInput(Fault(f"within '{within}': {error}.")) from None
    if share < 0:
        raise BadInput(Fault(f"within {within}: expected 0 or more, such as 0.05."))
    return share.limit_denominator(100_000)


def _know_room(loaded: LoadedSpec, wish: Wish, room: int) -> None:
    """Refuse a distance for which there is no room.

    Raises:
        BadInput: there is none.
    """
    if wish.distance < 1:
        raise BadInput(Fault(f"a distance of {wish.distance}: expected 1 or more."))
    if wish.by == "rhythm" and loaded.spec.surface == "none":
        say = "without a surface all answers have one rhythm."
        raise BadInput(loaded.fault("surface", say, "Say some or rich, or leave it out."))
    if wish.distance > room:
        there = _ROOM[wish.by].format(counted(room, UNITS[wish.by]))
        message = f"answers cannot be {wish.apart} apart: no more than {there}."
        key = "answers.distance"
        raise BadInput(loaded.fault(key, message) if key in loaded.places else
                       Fault(message, loaded.path))  # fmt: skip


def shown(share: Fraction) -> str:
    """Return a share as a percentage of at most one decimal."""
    return percentage(Fraction(round(1000 * share), 1000))
