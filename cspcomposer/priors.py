"""What is preferred, as costs and facts: the seam between reasoning and whatever prefers.

A prior charges tenths of a nat for choices; it can never forbid. There are three: a small network
(`chorale`), counted habits that one can read (`tables`), and nothing (`none`). To each belongs
seeded Gumbel noise: the cheapest answer under it is a draw from what the prior likes (perturb and
MAP: G. Papandreou and A. Yuille, ICCV 2011), so that every seed has a piece of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cspcomposer import facts
from cspcomposer.candidates import Costs, Option, Options, Taste
from cspcomposer.facts import Outline

MOST = 50
LIVELY = 3
_PLACES = range(7)
_PLAIN = "plain"
_WAYS = (_PLAIN, *range(-4, 0), *range(1, 5), -7, 7)


class Noise:
    """Seeded noise on what may be chosen.

    Attributes:
        temperature: 1 draws as often as the prior says; 0 always takes the likeliest.
    """

    def __init__(self, seed: int, *, temperature: float) -> None:
        self._seed, self.temperature = seed, temperature

    def warmer(self, temperature: float) -> Noise:
        """Return noise from the same seed with another temperature."""
        return Noise(self._seed, temperature=temperature)

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


class Prior(Protocol):
    """Whatever prefers, having seen what is given of a piece."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders within `asp_rules/priors` that belong to it."""
        ...

    @property
    def facts(self) -> str:
        """What it tells the rules, whatever is considered."""
        ...

    def harmony(self, slot: int, numeral: str) -> int:
        """Return what a chord costs by itself."""
        ...

    def moves(
        self, slots: tuple[int, int], before: Sequence[str], after: Sequence[str]
    ) -> Costs | None:
        """Return what each chord costs after each other; None if habits say that."""
        ...

    def notes(self, slots: Mapping[int, Sequence[str]]) -> str:
        """Return facts that charge free voices for notes, given the chords looked at."""
        ...


@dataclass(frozen=True)
class Silent:
    """A prior that likes all alike, or leaves it to tables that the rules hold."""

    folders: tuple[str, ...] = ("",)
    facts: str = ""

    def harmony(self, slot: int, numeral: str) -> int:
        """Return nothing."""
        return 0

    def moves(
        self, slots: tuple[int, int], before: Sequence[str], after: Sequence[str]
    ) -> Costs | None:
        """Return nothing."""
        return None

    def notes(self, slots: Mapping[int, Sequence[str]]) -> str:
        """Return nothing."""
        return ""


def prior(model: str, weight: float, plan: Outline) -> Prior:
    """Return a prior that has seen a piece's outline.

    Args:
        model: "chorale", "tables" or "none".
        weight: By what its costs are multiplied.
        plan: The outline.
    """
    if model == "none":
        return Silent()
    if model == "tables":
        return Silent(("", "tables"), f"prior_weight({round(100 * weight)}).")
    # onnxruntime takes a tenth of a second to import: only who asks a network waits for it.
    from cspcomposer.priors_network import Network, Networks

    if plan.plan and len({(key.tonic, key.mode) for key in plan.score.keys}) > 1:
        return Networks(plan, weight)
    return Network(plan, weight)


def network(model: str) -> dict[str, str]:
    """Return the digest of a model's network, under "sha256"; nothing if it has none."""
    if model != "chorale":
        return {}
    from neural_priors import infer

    return {"sha256": infer.digest("factors")}


def taste(prior: Prior, noise: Noise, options: Options) -> Taste:
    """Return what a prior and chance charge for chords."""
    chance = noise.harmonies((s, n) for s, names in options.prices.items() for n in names)
    return Taste({o: cost + prior.harmony(*o) for o, cost in chance.items()}, prior.moves)


def melody(noise: Noise, plan: Outline) -> str:
    """Return what chance charges for the notes of the highest voice, where it is free.

    A tune is less foreseen than its harmony: chance counts for more, up to as much as it does in
    what the prior learnt from.
    """
    name = plan.score.voices[0].name
    lively = noise.warmer(max(noise.temperature, min(1.0, LIVELY * noise.temperature)))
    return lively.places(name, facts.free_slots(plan, name))
