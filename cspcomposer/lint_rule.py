"""How a rule file is written: its metadata, its violations, its helpers and its examples.

Whether the rule is right is for its examples to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

from cspcomposer import rulebook
from cspcomposer.errors import Fault
from cspcomposer.syntax import Node, atoms, heads, kind, signature

HEIGHT = 45  # lines of a rule above its examples
ABOUT = ("rule", "message", "advice", "source", "severity")
_NAMES = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class _Part:
    """The statements after one `#program` line; those before the first are the part `base`."""

    name: str
    line: int
    statements: tuple[Node, ...]


def faults(id: str, text: str, nodes: Iterable[Node]) -> Iterator[Fault]:
    """Yield what is wrong with the file of the rule `id` as such."""
    nodes = list(nodes)
    base, *examples = _parts(nodes)
    height = len(text.partition("\n#program")[0].rstrip().splitlines())
    if height > HEIGHT:
        yield fault(f"{height} lines above the examples: expected about 40.", line=height)
    yield from essentials(id, nodes)
    yield from _examples(id, examples)
    yield from _sentences(text, base)


def essentials(id: str, nodes: Iterable[Node]) -> Iterator[Fault]:
    """Yield what keeps the file of the rule `id` from being used at all."""
    base, *examples = _parts(nodes)
    yield from _metadata(id, base)
    yield from _violations(id, base)
    yield from _predicates(id, base, examples)


def fault(message: str, node: Node = None, *, line: int = 0, hint: str = "") -> Fault:
    """Return a fault in the place of a node, or in a line."""
    if node is None:
        return Fault(message, line=line, hint=hint)
    begin = node.location.begin
    return Fault(message, line=begin.line, column=begin.column, hint=hint)


def _parts(nodes: Iterable[Node]) -> list[_Part]:
    parts = [_Part("base", 1, ())]
    for node in nodes:
        if node.ast_type.name == "Program":
            if node.name != "base":
                parts.append(_Part(node.name, node.location.begin.line, ()))
        elif node.ast_type.name == "Rule":
            last = parts.pop()
            parts.append(replace(last, statements=(*last.statements, node)))
    return parts


def _metadata(id: str, base: _Part) -> Iterator[Fault]:
    for name in ABOUT:
        said = [(s, a.arguments) for s, a in heads(base.statements, name)]
        if len(said) != 1:
            yield fault(f"{len(said)} facts {name}/2: expected one.", line=1)
        for statement, arguments in said:
            if arguments and str(arguments[0]) != id:
                yield fault(f"{name} speaks of {arguments[0]}: the file is {id}.lp.", statement)
            if len(arguments) != 2:
                continue
            value = str(arguments[1])
            if name == "severity" and value not in rulebook.SEVERITIES:
                words = ", ".join(rulebook.SEVERITIES)
                yield fault(f"Severity {value}: expected one of {words}.", statement)
            if name != "severity" and not value.strip('"').strip():
                yield fault(f"The {name} is empty.", statement)


def _violations(id: str, base: _Part) -> Iterator[Fault]:
    messages = [str(a.arguments[-1]) for _, a in heads(base.statements, "message") if a.arguments]
    wanted = {name for message in messages for name in _NAMES.findall(message)}
    found = list(heads(base.statements, "violation"))
    if not found:
        yield fault("Nothing here derives violation/3.", line=1)
    for statement, atom in found:
        if not statement.body or str(statement.body[0]) != f"active({id})":
            yield fault(f"The first literal of a violation is active({id}).", statement)
        if len(atom.arguments) != 3:
            yield fault("A violation has three arguments: rule, time, who and what.", statement)
            continue
        if str(atom.arguments[0]) != id:
            yield fault(f"violation of {atom.arguments[0]}: the file is {id}.lp.", statement)
        names = _named(atom.arguments[2])
        if names is None:
            hint = "Write (voice(V),) or (upper(V),lower(W))."
            yield fault("The third argument is a tuple of named terms.", statement, hint=hint)
        elif wanted - names:
            missing = ", ".join(sorted(wanted - names))
            yield fault(f"The message names {missing}, this violation does not.", statement)


def _named(term: Node) -> set[str] | None:
    """Return the names in a tuple of named terms, None if it is something else."""
    if term.ast_type.name != "Function" or term.name:
        return None
    terms = list(term.arguments)
    if any(t.ast_type.name != "Function" or not t.name or len(t.arguments) != 1 for t in terms):
        return None
    return {t.name for t in terms}


@cache
def _vocabulary() -> frozenset[str]:
    nodes: list[Node] = list(rulebook.nodes(rulebook.folder() / "vocabulary.lp"))
    return frozenset(f"{n.name}/{n.arity}" for n in nodes if n.ast_type.name == "Defined")


def _predicates(id: str, base: _Part, examples: Iterable[_Part]) -> Iterator[Fault]:
    derived = {signature(atom) for _, atom in heads(base.statements)}
    helpers = {name for name in derived if name.startswith(f"{id}_")}
    allowed = helpers | {"violation/3"} | {f"{name}/2" for name in ABOUT}
    for statement, atom in heads(base.statements):
        if signature(atom) not in allowed:
            hint = f"A helper is called {id}_..., what two rules need stands in theory."
            yield fault(f"A rule does not derive {signature(atom)}.", statement, hint=hint)
    known = _vocabulary() | derived
    bodies = [literal for statement in base.statements for literal in statement.body]
    facts = [statement for part in examples for statement in part.statements]
    for node in [*bodies, *facts]:
        for atom in atoms(node):
            name = signature(atom)
            if name not in known:
                near = get_close_matches(name, known, 1, 0.7)
                hint = f"Did you mean {near[0]}?" if near else ""
                yield fault(f"{name} is not in the vocabulary.", atom, hint=hint)


def _examples(id: str, examples: Sequence[_Part]) -> Iterator[Fault]:
    fires = silent = 0
    for part in examples:
        if not part.name.startswith("example_"):
            yield fault(f"The part {part.name} is no example_...", line=part.line)
            continue
        if "_" not in part.name.removeprefix("example_"):
            yield fault(f"{part.name}: an example's name is a sentence.", line=part.line)
        expected = [a for _, a in heads(part.statements, "expect")]
        fires, silent = fires + bool(expected), silent + (not expected)
        for atom in expected:
            if len(atom.arguments) != 3 or str(atom.arguments[0]) != id:
                yield fault(f"An example of this file expects ({id},Time,(...)).", atom)
        for statement in part.statements:
            if kind(statement) != "fact":
                yield fault("An example holds facts only.", statement)
    if not fires:
        yield fault("No example fires: expected at least one.", line=1)
    if not silent:
        yield fault("No example is silent: expected at least one near miss.", line=1)


def _sentences(text: str, base: _Part) -> Iterator[Fault]:
    """Yield violations in a paragraph that does not begin with a sentence."""
    lines = text.splitlines()
    for statement, _ in heads(base.statements, "violation"):
        first = statement.location.begin.line - 1
        while first > 0 and lines[first - 1].strip():
            first -= 1
        if not lines[first].startswith("%"):
            yield fault("No sentence stands above this rule.", statement)
