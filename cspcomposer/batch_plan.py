"""Which pieces a batch is made of, counted out one by one. Composes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cspcomposer import arrange_known, batch_values, form, specfile
from cspcomposer.batch_values import Assignment, Template
from cspcomposer.document import Document
from cspcomposer.specfile import LoadedSpec
from cspcomposer.specsweep import SweepSpec

SEED = "seed"


@dataclass(frozen=True)
class Piece:
    """One piece that is to be composed.

    Attributes:
        assignment: The values that it is composed with.
        seed: Its seed.
    """

    assignment: Assignment
    seed: int


@dataclass(frozen=True)
class Plan:
    """What a batch is made of.

    Attributes:
        document: The specification file.
        sweep: What it says of the batch.
        axes: The swept keys, in the order of the file; `seed` last if there are several.
        combinations: All combinations of values.
        seeds: The seeds of every combination that has none of its own.
        drawn: Which pieces are taken, as numbers of combinations and seeds; None: all.
        notes: What is to be told beforehand, as sentences.
    """

    document: Document
    sweep: SweepSpec
    axes: tuple[str, ...]
    combinations: tuple[Assignment, ...]
    seeds: tuple[int, ...]
    drawn: tuple[tuple[int, int], ...] | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        if self.drawn is not None:
            return len(self.drawn)
        return sum(len(self.seeds_of(one)) for one in self.combinations)

    def seeds_of(self, one: Assignment) -> tuple[int, ...]:
        """Return the seeds of a combination: its own, if it names one."""
        own = dict(one.ways).get(SEED)
        return (batch_values.value(self.document, own),) if own else self.seeds

    def how_many_seeds(self) -> int:
        """Return how many seeds there are, those that combinations name among them."""
        several = [self.seeds_of(one) for one in self.combinations]
        own = {seeds[0] for seeds in several if seeds is not self.seeds}
        shared = self.seeds if any(seeds is self.seeds for seeds in several) else ()
        return len(own.union(shared))

    def pieces(self) -> Iterator[Piece]:
        """Yield every piece, in order."""
        if self.drawn is not None:
            for number, seed in self.drawn:
                one = self.combinations[number]
                yield Piece(one, self.seeds_of(one)[seed])
            return
        for one in self.combinations:
            for seed in self.seeds_of(one):
                yield Piece(one, seed)

    def inputs(self, piece: Piece) -> dict[str, Any]:
        """Return the swept values of a piece; its seed, where there are several, among them."""
        found = batch_values.inputs(self.document, piece.assignment)
        found.pop(SEED, None)
        return found | ({SEED: piece.seed} if SEED in self.axes else {})

    def loaded(self, piece: Piece) -> LoadedSpec:
        """Return the specification of a piece.

        Raises:
            BadSpec: swept values that do not go together.
        """
        return loaded(self.template, piece.assignment)

    @cached_property
    def template(self) -> Template:
        """The specification file, ready to take values."""
        return Template(self.document)


def loaded(template: Template, assignment: Assignment) -> LoadedSpec:
    """Return a specification with swept values in their places.

    Its digest is that of its content: a comment more or less is no other specification.

    Raises:
        BadSpec: swept values that do not go together, or name what there is not.
    """
    filled = template.put(assignment)
    found = specfile.understood(filled, "")
    arrange_known.know(found)
    if found.spec.form:
        form.known(found)
    said = found.spec.model_dump(mode="json", exclude={SEED, "sweep"})
    said["title"] = said["title"] or filled.path.stem
    # A style of one's own is named by where it stands now; its content is hashed with the rules.
    said["style"] = filled.data.get("style", said["style"])
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return replace(found, sha256=digest)
