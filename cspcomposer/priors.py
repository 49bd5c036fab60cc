"""What is preferred, as facts: the seam between reasoning and whatever prefers.

A prior is a function from an outline and a seed to facts that charge tenths of a nat for choices;
it can never forbid. Today's only prior is seeded noise, which gives every seed a piece of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from cspcomposer.facts import Outline, clock

NOISE = 8
_DEGREES = range(1, 8)


def noise(outline: Outline, seed: int) -> str:
    """Return small random costs on the degree of each chord and on a free melody's notes.

    Args:
        outline: What is open.
        seed: The same seed gives the same costs.
    """
    return "\n".join(f"{fact}." for fact in _noise(outline, random.Random(seed)))


def _noise(outline: Outline, chance: random.Random) -> Iterator[str]:
    at = clock(outline).ticks
    for slot in outline.slots:
        for degree in _DEGREES:
            yield f"preferred_degree({at(slot)},{degree},{_gumbel(chance)})"
    melody = outline.score.voices[0]
    for slot in sorted(outline.free.get(melody.name, ())):
        for place in range(7):
            yield f"preferred_place({melody.name},{at(slot)},{place},{_gumbel(chance)})"


def _gumbel(chance: random.Random) -> int:
    """Return a cost from 0 to `NOISE`: small ones are likelier."""
    return min(NOISE, round(chance.expovariate(1.0) * NOISE / 2))
