"""What is to be set, with an outline: the rules, the chords there are, and what is preferred.

And where it cannot be set: in a few moments that leave no way, or for faults that lie in what is
given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType

from cspcomposer import brief, candidates, facts, facts_slice, impasse, priors, rulebook
from cspcomposer.excuse import excused
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import Further
from cspcomposer.facts_slice import Part
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Solver, Source
from cspcomposer.specfile import LoadedSpec

SHOWN = {"pitch": 3, "harmony": 2, "inversion": 2, "delays": 3}
WANTED = SHOWN | {"violation": 3}


def rules(loaded: LoadedSpec, own: Sequence[Path]) -> Callable[..., list[Source]]:
    """Return `rulebook.program` for what a specification says of its rules."""
    spec = loaded.spec
    return partial(rulebook.program, style=spec.style, overrides=dict(spec.rules), folders=own)


@dataclass(frozen=True)
class Posed:
    """What is to be set.

    Attributes:
        loaded: The specification.
        own: Rule files of the user's own.
        plan: The outline.
        given: It as facts.
        prior: What prefers.
        options: The chords that are possible.
        taste: What the prior and chance charge for them.
        notes: What the prior charges for notes, as facts.
        melody: What chance charges for them.
        further: What holds besides.
    """

    loaded: LoadedSpec
    own: Sequence[Path]
    plan: Outline
    given: str
    prior: priors.Prior
    options: candidates.Options
    taste: candidates.Taste
    notes: str
    melody: str
    further: Sequence[Source]

    @property
    def program(self) -> Callable[..., list[Source]]:
        """`rulebook.program` for rules that are kept or have their price."""
        return partial(
            rules(self.loaded, self.own), heeded=("hard", "strong", "mild"),
            priors=self.prior.folders,
        )  # fmt: skip

    def chords(self, margin: int | None, stood: Mapping[int, str] = MappingProxyType({})) -> str:
        """Return the chords to look at, as facts; those that stood in a slot are among them."""
        likely = candidates.considered(self.options, self.taste, margin)
        likely = candidates.joined(likely, self.options, stood)
        return candidates.stated(likely, self.options, self.taste)

    def looks_at_all(self, margin: int | None) -> bool:
        """Return whether all chords that there are, or are asked for, lie within a margin."""
        likely = candidates.considered(self.options, self.taste, margin)
        return all(set(likely.get(slot, ())) >= set(names) for slot, names in self._names().items())

    def told(self, chords: str) -> list[Source]:
        """Return what is told of the piece, with some chords."""
        preferred = "\n".join([self.prior.facts, chords, self.notes, self.melody])
        return [Source("given", self.given), Source("prior", preferred), *self.further]

    def place(self, solver: Solver, near: Fraction | None = None) -> Part | None:
        """Return where nothing can be set; looking only at what ends near a time if one is told."""
        plan, ticks = self.plan, facts.clock(self.plan).ticks
        program = rules(self.loaded, self.own)(
            ["harmony", "voices", "given"], "enforce", heeded=("hard",), priors=()
        )
        return impasse.place(
            solver, sliced(program, list(SHOWN.items())), facts_slice.Slices(self.given),
            [ticks(slot) for slot in plan.slots], self._names(),
            first=[ticks(time) for time in (plan.score.phrase_ends if near is None else [near])],
            elsewhere=near is None,
        )  # fmt: skip

    def faults_of_given(
        self, solver: Solver, within: Part | None = None
    ) -> tuple[tuple[str, Fraction, str], ...]:
        """Return the faults of what is given alone, but for those that are excused already."""
        spec, plan = self.loaded.spec, self.plan
        some = excused(
            solver, plan, self.every_chord(within), style=spec.style, overrides=dict(spec.rules),
            folders=self.own, within=within,
        )  # fmt: skip
        return tuple(fault for fault in some if fault not in plan.excused)

    def every_chord(self, within: Part | None) -> str:
        """Return as facts that all chords are looked at, in a place or everywhere."""
        names = self._names()
        inside = [s for s in names if within is None or within.begin <= s < within.end]
        return impasse.considered(names, inside)

    def _names(self) -> dict[int, Iterable[str]]:
        """Return by slot the chords that there are, or that are asked for."""
        every: Mapping[int, Iterable[str]] = self.options.prices
        return {**every, **self.options.demanded}


def pose(
    loaded: LoadedSpec, own: Sequence[Path], plan: Outline, noise: priors.Noise, further: Further
) -> Posed:
    """Return what is to be set; `further` says what holds besides.

    Raises:
        BadSpec: numerals that nobody knows.
    """
    spec, given = loaded.spec, facts.facts(plan)
    prior = priors.prior(spec.prior.model, spec.prior.weight, plan)
    options = candidates.options(f"{given}\n{prior.facts}", style=spec.style, priors=prior.folders)
    brief.know_numerals(loaded, plan, options)
    notes = prior.notes({slot: tuple(names) for slot, names in options.prices.items()})
    return Posed(
        loaded, own, plan, given, prior, options, priors.taste(prior, noise, options), notes,
        priors.melody(noise, plan), further(plan),
    )  # fmt: skip
