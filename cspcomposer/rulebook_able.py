"""Which rules may be broken where only some predicates are told: by their shape alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from clingo import ast

from cspcomposer.rulebook_slice import Signature, atoms_of, signature
from cspcomposer.solver import Source

_VIOLATION = ("violation", 3)


def able(sources: Sequence[Source], told: Collection[Signature]) -> frozenset[str]:
    """Return the rules of which some violation follows from some facts of these predicates.

    What is negated, counted or compared is taken to hold.

    Args:
        sources: Theory, rules and policy.
        told: The predicates of the facts.
    """
    steps = [step for source in sources for step in _steps(source)]
    known = set(told)
    out: set[str] = set()
    grown = True
    while grown:
        grown = False
        for heads, rules, needed in steps:
            if needed <= known and not (heads <= known and rules <= out):
                known |= heads
                out |= rules
                grown = True
    return frozenset(out)


def _steps(source: Source) -> Iterator[tuple[set[Signature], set[str], set[Signature]]]:
    """Yield for each statement what it derives, whose violations, and what it needs for that."""
    nodes: list[ast.AST] = []
    ast.parse_string(source.text, nodes.append, logger=lambda *_: None)
    for node in nodes:
        if node.ast_type == ast.ASTType.Rule:
            atoms = list(atoms_of(node.head))
            heads = set(map(signature, atoms))
            rules = {str(a.arguments[0]) for a in atoms if signature(a) == _VIOLATION}
            needed = {signature(a) for part in node.body if _holds(part) for a in atoms_of(part)}
            yield heads, rules, needed


def _holds(part: Any) -> bool:
    """Return whether part of a body says that an atom holds."""
    if part.ast_type != ast.ASTType.Literal or part.sign != ast.Sign.NoSign:
        return False
    return bool(part.atom.ast_type == ast.ASTType.SymbolicAtom)
