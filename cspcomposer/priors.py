"""What is preferred, as facts: the seam between reasoning and whatever prefers.

A prior charges tenths of a nat for choices; it can never forbid. Today's only prior is seeded
Gumbel noise: the cheapest answer under it is a draw from the habits that the rules weigh (perturb
and MAP: G. Papandreou and A. Yuille, ICCV 2011), so that every seed has a piece of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

TEMPERATURE = 0.6
MOST = 50
_PLACES = range(7)
_PLAIN = "plain"
_WAYS = (_PLAIN, *range(-4, 0), *range(1, 5), -7, 7)

Option = tuple[int, str]


class Noise:
    """Seeded noise on what may be chosen.

    Attributes:
        temperature: 1 draws as often as the habits say; 0 always takes the likeliest.
    """

    def __init__(self, seed: int, *, temperature: float = TEMPERATURE) -> None:
        self._seed, self.temperature = seed, temperature

    def harmonies(self, options: Iterable[Option]) -> dict[Option, int]:
        """Return what each chord at each slot costs, in tenths of a nat."""
        return {option: self._cost("harmony", *option) for option in options}

    def places(self, voice: str, slots: Iterable[int]) -> str:
        """Return facts that charge a free voice for each letter at each slot."""
        return "\n".join(
            f"preferred_place({voice},{slot},{place},{self._cost(voice, slot, place)})."
            for slot in slots
            for place in _PLACES
        )

    def surface(self, voice: str, middles: Iterable[int], notes: Iterable[int]) -> str:
        """Return facts that charge a voice for what it strikes between, and for coming late."""
        asked = [("filling", t, w) for t in middles for w in _WAYS]
        asked += [("waiting", t, w) for t in notes for w in (_PLAIN, "late")]
        return "\n".join(
            f"preferred_{what}({voice},{time},{way},{self._cost(what, voice, time, way)})."
            for what, time, way in asked
        )

    def _cost(self, *what: str | int) -> int:
        # A text as seed is hashed by its bytes: the same on every machine.
        chance = random.Random(f"{self._seed}:{':'.join(map(str, what))}").random()
        gumbel = -math.log(-math.log(min(max(chance, 1e-9), 1 - 1e-9)))
        # Three is as far above nought as one draw in twenty goes.
        return min(MOST, max(0, round(10 * self.temperature * (3 - gumbel))))
