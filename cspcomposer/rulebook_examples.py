"""The examples that a rule file carries: which there are, and whether they come out as they say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cspcomposer import rulebook, solver
from cspcomposer.rulebook import PART


@dataclass(frozen=True)
class Verdict:
    """How an example came out.

    Attributes:
        rule: The rule's id.
        example: The example's name, without `example_`.
        expected: The violations that it expects, as text.
        found: The violations that were derived.
        remarks: What clingo had to say; anything at all is a failure.
    """

    rule: str
    example: str
    expected: frozenset[str]
    found: frozenset[str]
    remarks: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the example came out as expected and clingo was silent."""
        return self.expected == self.found and not self.remarks


def examples(path: Path) -> list[str]:
    """Return the names of a rule file's example parts."""
    names = PART.findall(path.read_text(encoding="utf-8"))
    return [name for name in names if name.startswith("example_")]


def run_example(path: Path, example: str) -> Verdict:
    """Return how one example of a rule file comes out."""
    parts = [
        *rulebook.theory(), rulebook.folder() / "choose" / "example.lp",
        rulebook.folder() / "policy" / "active.lp", rulebook.folder() / "policy" / "report.lp",
    ]  # fmt: skip
    sources = [solver.Source(str(p), p.read_text(encoding="utf-8")) for p in [*parts, path]]
    atoms, remarks = solver.consequences(sources, parts=("base", example))
    got: dict[str, set[str]] = {"violation": set(), "expect": set()}
    for atom in atoms:
        if atom.name in got:
            got[atom.name].add(str(atom).split("(", 1)[1])
    return Verdict(
        path.stem, example.removeprefix("example_"),
        frozenset(got["expect"]), frozenset(got["violation"]), remarks,
    )  # fmt: skip
