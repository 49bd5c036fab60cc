"""Leaving out what nobody asks for: only theory that a rule in force needs is grounded.

A statement stays when its head is reachable, through bodies, from what is reported, enforced or
weighed. Where the theory says `asked(p,X)`, the atoms of `p` are derived only for the values that
some statement in force names. Looks at syntax trees alone and knows no predicate's meaning.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from clingo import ast

from cspcomposer import kept
from cspcomposer.errors import BadRules, Fault
from cspcomposer.solver import Source

Signature = tuple[str, int]
_COUNTING = {
    ast.ASTType.Aggregate, ast.ASTType.BodyAggregate, ast.ASTType.ConditionalLiteral,
}  # fmt: skip
_KEPT = {ast.ASTType.Minimize, ast.ASTType.Defined, ast.ASTType.Heuristic}
ASKED: Signature = ("asked", 2)
_PLACE = re.compile(r"<string>:(\d+):(\d+)(?:-\d+(?::\d+)?)?: \w+: (.*)", re.DOTALL)


class Statement:
    """A statement, with the predicates that it derives and those that it looks at.

    Attributes:
        counts: Whether its body counts, or speaks of all or none of something.
    """

    def __init__(self, node: ast.AST) -> None:
        self.text = str(node)
        self.heads: set[Signature] = set()
        self.bodies: set[Signature] = set()
        self.last: list[tuple[Signature, str, bool]] = []
        self.kinds: dict[str, str] = {}
        self.filters: set[str] = set()
        self.is_root = node.ast_type in _KEPT
        self.counts = False
        if node.ast_type == ast.ASTType.Rule:
            self._head(node.head)
            for part in node.body:
                self._body(part)
            self.is_root = not self.heads
        else:
            self._body(node)

    def _head(self, node: Any) -> None:
        for atom in atoms_of(node):
            self.heads.add(signature(atom))
        if node.ast_type in (ast.ASTType.Aggregate, ast.ASTType.Disjunction):
            # The conditions of a choice are looked at, and count among its heads harmlessly.
            for element in node.elements:
                for condition in element.condition:
                    self._body(condition)

    def _body(self, node: Any) -> None:
        kinds = {node.ast_type, getattr(getattr(node, "atom", None), "ast_type", None)}
        self.counts = self.counts or not kinds.isdisjoint(_COUNTING)
        for atom in atoms_of(node):
            predicate = signature(atom)
            self.bodies.add(predicate)
            if not atom.arguments:
                continue
            last = atom.arguments[-1]
            for value in last.arguments if last.ast_type == ast.ASTType.Pool else [last]:
                constant = value.ast_type == ast.ASTType.SymbolicTerm
                self.last.append((predicate, str(value), constant))
                if len(atom.arguments) == 1 and not constant:
                    self.kinds[str(value)] = atom.name
            if predicate == ASKED:
                self.filters.add(str(atom.arguments[0]))


def atoms_of(node: Any) -> Iterator[Any]:
    """Yield the functions that are atoms in a tree, pools opened."""
    if node.ast_type == ast.ASTType.SymbolicAtom:
        symbols = [node.symbol]
        while symbols:
            symbol = symbols.pop()
            if symbol.ast_type == ast.ASTType.Pool:
                symbols += symbol.arguments
            elif symbol.ast_type == ast.ASTType.UnaryOperation:
                symbols.append(symbol.argument)
            else:
                yield symbol
        return
    for key in node.child_keys:
        child = getattr(node, key)
        if isinstance(child, ast.AST):
            yield from atoms_of(child)
        elif child is not None:
            for item in child:
                if isinstance(item, ast.AST):
                    yield from atoms_of(item)


def signature(atom: Any) -> Signature:
    """Return the name and the arity of an atom."""
    return atom.name, len(atom.arguments)


@cache
def statements(source: Source) -> tuple[Statement, ...]:
    """Return the statements of a text; comments are gone.

    Raises:
        BadRules: the text does not parse; the faults say where.
    """
    found: list[Statement] = []
    said: list[str] = []

    def take(node: ast.AST) -> None:
        if node.ast_type not in (ast.ASTType.Comment, ast.ASTType.Program):
            found.append(Statement(node))

    try:
        ast.parse_string(source.text, take, logger=lambda _, text: said.append(text))
    except RuntimeError:
        raise BadRules(*(_fault(source, text) for text in said)) from None
    return tuple(found)


def _fault(source: Source, text: str) -> Fault:
    found = _PLACE.match(text)
    if not found:
        return Fault(" ".join(text.split()), Path(source.name))
    return Fault(" ".join(found[3].split()), Path(source.name), int(found[1]), int(found[2]))


def sliced(sources: Sequence[Source], wanted: Sequence[Signature]) -> list[Source]:
    """Return a program without the statements on which nothing wanted depends.

    It is kept for the next time: reading rules takes longer than all else before a search.

    Args:
        sources: The program; texts of plain facts need not be among them.
        wanted: The predicates to be read from the answer.

    Raises:
        BadRules: a text does not parse; the faults say where.
    """
    said = [part for source in sources for part in (source.name, source.text)]
    name = kept.digest(__file__, [*said, str(list(wanted))])
    found = kept.load("programs", name)
    if found is not None:
        with contextlib.suppress(ValueError, TypeError):
            return [Source(*pair) for pair in json.loads(found)]
    out = cut(sources, wanted)
    kept.store("programs", name, json.dumps([[s.name, s.text] for s in out]).encode())
    return out


def cut(sources: Sequence[Source], wanted: Sequence[Signature]) -> list[Source]:
    """Return what `sliced` does, without keeping it."""
    parsed = [(source, statements(source)) for source in sources]
    by_head: dict[Signature, list[Statement]] = {}
    for _, several in parsed:
        for statement in several:
            for head in statement.heads:
                by_head.setdefault(head, []).append(statement)
    kept: set[int] = set()
    needed: set[Signature] = set()
    roots = [s for _, several in parsed for s in several if s.is_root]
    open_signatures = [*wanted, *(b for s in roots for b in s.bodies)]
    kept.update(map(id, roots))
    while open_signatures:
        predicate = open_signatures.pop()
        if predicate in needed:
            continue
        needed.add(predicate)
        for statement in by_head.get(predicate, ()):
            kept.add(id(statement))
            open_signatures += statement.bodies
    out = [
        Source(source.name, "\n".join(s.text for s in several if id(s) in kept))
        for source, several in parsed
    ]
    used = [s for _, several in parsed for s in several if id(s) in kept]
    return [*out, Source("asked", "\n".join(_asked(used)))]


def _asked(used: Sequence[Statement]) -> Iterator[str]:
    """Yield for each filtered predicate which values of its last argument are named, and how."""
    filtered = {name for s in used for name in s.filters}
    lines: set[str] = set()
    for statement in used:
        for (predicate, _), value, constant in statement.last:
            if predicate not in filtered or predicate in statement.filters:
                continue
            if constant:
                lines.add(f"asked({predicate},{value}).")
            elif value in statement.kinds:
                lines.add(f"asked({predicate},{value}) :- {statement.kinds[value]}({value}).")
            else:
                lines.add(f"asked_any({predicate}).")
    yield from sorted(lines)
