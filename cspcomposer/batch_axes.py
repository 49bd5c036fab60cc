"""What varies in a batch, as its specification lists it, with the place of every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cspcomposer import batch_values
from cspcomposer.batch_values import Assignment
from cspcomposer.document import Document, Where, dotted
from cspcomposer.errors import BadSpec, Fault
from cspcomposer.specsweep import SweepSpec


class Swept:
    """What one sweep lists, and what is wrong with it.

    Attributes:
        document: The specification file.
        sweep: What it says of the batch.
        template: The same, ready to take values.
        seeds: The seeds of every combination that has none of its own.
        faults: What was found wrong so far.
        variables: For each thing that varies its possible assignments, in order: values that vary
            together are one thing.
        variable: The name of that thing, by swept key.
    """

    def __init__(self, document: Document, sweep: SweepSpec) -> None:
        self.document, self.sweep = document, sweep
        self.template = batch_values.Template(document)
        self.faults: list[Fault] = []
        base = document.data.get("seed", 0)
        self.seeds: tuple[int, ...] = sweep.seeds or (base if isinstance(base, int) else 0,)
        self.variables: dict[str, list[Assignment]] = {}
        self.variable: dict[str, str] = {}
        for axis, values in sweep.matrix.items():
            self._vary(axis, [axis], len(values), ("sweep", "matrix"))
        several = isinstance(document.data.get("sweep", {}).get("zip"), list)
        for place, group in enumerate(sweep.zip):
            way: Where = ("sweep", "zip", place) if several else ("sweep", "zip")
            lengths = {axis: len(values) for axis, values in group.items()}
            if len(set(lengths.values())) > 1:
                said = ", ".join(f"{axis} {n}" for axis, n in lengths.items())
                self.complain(way, f"lists of different lengths: {said}. Expected one length.")
            if group:
                self._vary(f"zip {place + 1}", list(group), min(lengths.values()), way)

    def complain(self, way: Where, message: str, hint: str = "", *, key: bool = True) -> None:
        """Note that something at a way from the top is wrong."""
        line, column = self.document.place(way, key=key)
        self.faults.append(Fault(message, self.document.path, line, column, dotted(way), hint))

    def stop(self) -> None:
        """Raise what was noted, in the order of the file."""
        if self.faults:
            faults = sorted(dict.fromkeys(self.faults), key=lambda f: (f.line, f.column))
            raise BadSpec(*faults)

    def _vary(self, name: str, axes: list[str], count: int, way: Where) -> None:
        if len(axes) == 1 and way[-1] == "matrix":
            self._know_once((*way, axes[0]))
        for axis in axes:
            if axis in self.variable:
                self.complain((*way, axis), "this key is swept already.", "Keep one of the two.")
            self.variable[axis] = name
        self.variables[name] = [
            Assignment(tuple((axis, (*way, axis, i)) for axis in axes)) for i in range(count)
        ]

    def _know_once(self, way: Where) -> None:
        seen: set[str] = set()
        for place, said in enumerate(batch_values.value(self.document, way)):
            if repr(said) in seen:
                self.complain((*way, place), "this value stands here twice.", "Keep it once.")
            seen.add(repr(said))

    def values(self, axis: str) -> list[Any]:
        """Return the values of a swept key, or the seeds, in order."""
        if axis not in self.variable:
            return list(self.seeds)
        return [
            batch_values.value(self.document, dict(one.ways)[axis])
            for one in self.variables[self.variable[axis]]
        ]

    @staticmethod
    def joined(several: Sequence[Assignment]) -> Assignment:
        """Return the assignment that several make together."""
        return Assignment(tuple(way for one in several for way in one.ways))

    def included(self) -> Iterator[Assignment]:
        """Yield the combinations that are asked for by name."""
        for number, extra in enumerate(self.sweep.include):
            yield Assignment(tuple((axis, ("sweep", "include", number, axis)) for axis in extra))
