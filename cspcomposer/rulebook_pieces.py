"""Several pieces in one grounding: each predicate that hangs on the piece gets it as an argument.

`pitch(V,T,P)` becomes `pitch(_Piece,V,T,P)`, and so does whatever is derived from it; what hangs on
no piece, as the names of the intervals, is worked out once for all. The pieces cannot touch, since
every statement speaks of one of them. Looks at syntax trees alone and knows no predicate's meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import clingo
from clingo import ast

from cspcomposer import solver
from cspcomposer.errors import BadRules
from cspcomposer.rulebook_slice import Signature, Statement, atoms_of, signature
from cspcomposer.solver import Source, Term

_PIECE = "_Piece"
_FACT = re.compile(r"^([a-z_]+)\(", re.MULTILINE)


def consequences(
    sources: Sequence[Source], pieces: Sequence[str], *, show: Mapping[str, int]
) -> list[list[Term]]:
    """Return for each piece the atoms of a program that leaves nothing open.

    Args:
        sources: The program, `sliced`.
        pieces: The facts of each piece, one to a line.
        show: The names of the atoms wanted and their arities.

    Raises:
        BadRules: a text that does not parse or is unsafe; the faults say where.
    """
    if len(pieces) > 1:
        try:
            return _together(tuple(sources), pieces, show)
        except BadRules:
            pass  # One by one the faults are told as the rule's author wrote it.
    return [
        solver.consequences([*sources, Source("score", piece)], show=show)[0] for piece in pieces
    ]


def _together(
    sources: tuple[Source, ...], pieces: Sequence[str], show: Mapping[str, int]
) -> list[list[Term]]:
    program, hanging = lifted(sources, _stated(pieces))
    facts = "\n".join(
        f"_piece({i}).\n" + _FACT.sub(rf"\1({i},", piece) for i, piece in enumerate(pieces)
    )
    arities = {name: arity + ((name, arity) in hanging) for name, arity in show.items()}
    found, _ = solver.consequences([program, Source("scores", facts)], show=arities)
    out: list[list[Term]] = [[] for _ in pieces]
    for atom in found:
        if arities[atom.name] == show[atom.name]:
            for several in out:
                several.append(atom)
        else:
            piece, *arguments = atom.arguments
            out[piece].append(Term(atom.name, tuple(arguments)))
    return out


def _stated(pieces: Sequence[str]) -> frozenset[Signature]:
    """Return the predicates that facts state."""
    lines = {line.partition("(")[0]: line for piece in pieces for line in piece.splitlines()}
    terms = (clingo.parse_term(line.rstrip(".")) for line in lines.values())
    return frozenset((term.name, len(term.arguments)) for term in terms)


@lru_cache(maxsize=8)
def lifted(
    sources: tuple[Source, ...], stated: frozenset[Signature]
) -> tuple[Source, frozenset[Signature]]:
    """Return a program for many pieces, and which predicates say of which piece they speak.

    Args:
        sources: A program for one piece: rules and `#defined` alone.
        stated: The predicates that pieces state.

    Raises:
        BadRules: it holds other statements.
    """
    lines = "\n".join(source.text for source in sources).encode().splitlines()
    nodes: list[ast.AST] = []
    ast.parse_string(b"\n".join(lines).decode(), nodes.append)
    kept = [n for n in nodes if n.ast_type not in (ast.ASTType.Program, ast.ASTType.Comment)]
    if any(n.ast_type not in (ast.ASTType.Rule, ast.ASTType.Defined) for n in kept):
        raise BadRules("Only rules can speak of several pieces.")
    rules = [n for n in kept if n.ast_type == ast.ASTType.Rule]
    hanging = _hanging([Statement(n) for n in rules], stated)
    added: dict[int, list[tuple[int, str]]] = {}
    for rule in rules:
        for line, column, text in _insertions(rule, hanging):
            added.setdefault(line, []).append((column, text))
    for line, several in added.items():
        old = lines[line - 1]
        for column, text in sorted(several, reverse=True):
            old = old[:column] + text.encode() + old[column:]
        lines[line - 1] = old
    for node in kept:
        if node.ast_type == ast.ASTType.Defined and (node.name, node.arity) in hanging:
            lines[node.location.begin.line - 1] = f"#defined {node.name}/{node.arity + 1}.".encode()
    return Source("rules", b"\n".join(lines).decode()), hanging


def _hanging(rules: Sequence[Statement], stated: frozenset[Signature]) -> frozenset[Signature]:
    """Return what is stated of a piece, or derived from that."""
    users: dict[Signature, list[Statement]] = {}
    for rule in rules:
        for one in rule.bodies | rule.heads:
            users.setdefault(one, []).append(rule)
    found, fresh = set(stated), list(stated)
    while fresh:
        for rule in users.get(fresh.pop(), ()):
            fresh += rule.heads - found
            found |= rule.heads
    return frozenset(found)


def _insertions(rule: ast.AST, hanging: frozenset[Signature]) -> Iterator[tuple[int, int, str]]:
    """Yield the line and column, in bytes, at which each text goes into a rule."""
    atoms = [atom for atom in atoms_of(rule) if signature(atom) in hanging]
    if not atoms:
        return
    for atom in atoms:
        begin = atom.location.begin
        more = f"{_PIECE}," if atom.arguments else f"({_PIECE})"
        place = begin.column - 1 + len(atom.name) + bool(atom.arguments)
        yield begin.line, place, more
    bound = any(
        part.ast_type == ast.ASTType.Literal and part.sign == ast.Sign.NoSign
        and part.atom.ast_type == ast.ASTType.SymbolicAtom
        and any(signature(atom) in hanging for atom in atoms_of(part))
        for part in rule.body
    )  # fmt: skip
    if not bound:
        end = rule.location.end
        yield end.line, end.column - 2, f"{';' if rule.body else ' :-'} _piece({_PIECE})"
