"""Statements of `.lp` files, looked at by name: what each is, and of which atoms it speaks.

Works on the syntax trees that `rulebook.nodes` returns, whose attributes depend on their type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Node = Any
DEFINITIONS = frozenset({"fact", "definition"})
_STATEMENTS = {
    "Minimize": "weak constraint",
    "ShowSignature": "#show",
    "ShowTerm": "#show",
    "Definition": "#const",
    "ProjectAtom": "#project",
    "ProjectSignature": "#project",
}


def kind(node: Node) -> str:
    """Return what a statement is, "" for a comment or the beginning of the file."""
    name: str = node.ast_type.name
    if name == "Comment" or (name == "Program" and node.name == "base"):
        return ""
    if name != "Rule":
        return _STATEMENTS.get(name, f"#{name.lower()}")
    head = node.head
    if head.ast_type.name == "Literal":
        if head.sign or head.atom.ast_type.name != "SymbolicAtom":
            return "constraint"
        return "definition" if node.body else "fact"
    return {"Disjunction": "disjunction", "TheoryAtom": "theory atom"}.get(
        head.ast_type.name, "choice"
    )


def walk(node: Node) -> Iterator[Node]:
    """Yield a tree's nodes, the whole before its parts."""
    yield node
    for key in node.child_keys:
        child = getattr(node, key)
        if child is None:
            continue
        for item in [child] if hasattr(child, "ast_type") else child:
            if hasattr(item, "ast_type"):
                yield from walk(item)


def atoms(node: Node) -> Iterator[Node]:
    """Yield the atoms of a statement as functions, those in pools one by one."""
    for inner in walk(node):
        if inner.ast_type.name == "SymbolicAtom":
            symbols = [inner.symbol]
            while symbols:
                symbol = symbols.pop()
                if symbol.ast_type.name == "Pool":
                    symbols += symbol.arguments
                elif symbol.ast_type.name == "UnaryOperation":
                    symbols.append(symbol.argument)
                else:
                    yield symbol


def signature(symbol: Node) -> str:
    """Return an atom's name and number of arguments ("next/2")."""
    return f"{symbol.name}/{len(symbol.arguments)}"


def variables(nodes: Iterable[Node]) -> set[str]:
    """Return the names of the variables in some trees."""
    inner = (n for node in nodes for n in walk(node))
    return {n.name for n in inner if n.ast_type.name == "Variable"}


def heads(statements: Iterable[Node], name: str = "") -> Iterator[tuple[Node, Node]]:
    """Yield statements that define an atom, each with that atom."""
    for statement in statements:
        if kind(statement) in DEFINITIONS:
            for symbol in atoms(statement.head):
                if name in ("", symbol.name):
                    yield statement, symbol
