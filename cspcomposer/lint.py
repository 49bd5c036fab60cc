"""The house style of `.lp` files: what each folder may hold, and how it is written.

Looks at texts and syntax trees; knows no music and does not solve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cspcomposer import lint_rule, rulebook
from cspcomposer.errors import BadRules, Fault
from cspcomposer.guard import guard
from cspcomposer.lint_rule import fault
from cspcomposer.syntax import DEFINITIONS, Node, atoms, kind, variables, walk

WIDTH = 110
_COSTS = DEFINITIONS | {"constraint", "weak constraint"}
HOLDS = {
    "vocabulary.lp": frozenset({"#defined"}),
    "theory": DEFINITIONS,
    "analysis": DEFINITIONS,
    "candidates": DEFINITIONS,
    "choose": DEFINITIONS | {"choice", "#show"},
    "rules": DEFINITIONS | {"#program"},
    "policy": _COSTS,
    "priors": _COSTS | {"#heuristic"},
    "styles": frozenset({"fact"}),
    "textures": DEFINITIONS,
    "instruments": frozenset({"fact"}),
    "forms": frozenset({"fact"}),
}


def lint(path: Path, *, role: str | None = None) -> list[Fault]:
    """Return where a file departs from the house style, in the order of its lines.

    Args:
        path: An `.lp` file.
        role: The folder whose customs it must keep ("rules", "theory", ...); None finds it from
            the path, and takes a file that is not among the shipped ones for a rule.
    """
    try:
        nodes = rulebook.nodes(path)
    except BadRules as error:
        return list(error.faults)
    text = path.read_text(encoding="utf-8")
    role = role or _role(path)
    faults = [*_layout(text), *_folder(nodes, role), *_terms(nodes)]
    if role == "rules":
        faults += lint_rule.faults(path.stem, text, nodes)
    placed = {replace(found, file=path) for found in faults}
    return sorted(placed, key=lambda found: (found.line, found.column, found.message))


def admitted(places: Iterable[Path]) -> tuple[Path, ...]:
    """Return the rule files in folders of the user's own, after looking at them.

    Args:
        places: Folders, or rule files.

    Raises:
        BadRules: a file that must not be parsed, does not parse, or is no rule; says everything
            that is wrong with all of them.
    """
    paths: list[Path] = []
    faults: list[Fault] = []
    for place in places:
        if not place.exists():
            faults.append(Fault("there is no such folder or file.", place))
            continue
        inside = sorted(place.rglob("*.lp")) if place.is_dir() else [place]
        if place.is_dir() and not inside:
            faults.append(Fault("there is no rule file (*.lp) in this folder.", place))
        paths += inside
    for path in paths:
        try:
            guard(path)
            nodes = rulebook.nodes(path)
        except BadRules as error:
            faults += error.faults
            continue
        found = [*_folder(nodes, "rules"), *lint_rule.essentials(path.stem, nodes)]
        faults += [replace(fault, file=path) for fault in found]
        if path.stem in {shipped.stem for shipped in rulebook.rule_files()}:
            faults.append(Fault(f"a shipped rule is called {path.stem}: take another name.", path))
    if faults:
        raise BadRules(*faults)
    return tuple(paths)


def _role(path: Path) -> str:
    home = rulebook.folder()
    inside = path.resolve().is_relative_to(home.resolve())
    return path.resolve().relative_to(home.resolve()).parts[0] if inside else "rules"


def _layout(text: str) -> Iterator[Fault]:
    lines = text.splitlines()
    if lines[:1] != ["%*"] or not "".join(lines[1:2]).startswith("# ") or "*%" not in lines:
        yield fault("No header: expected %*, a line '# Title', what it is for, and *%.", line=1)
    for number, line in enumerate(lines, 1):
        if len(line) > WIDTH:
            yield fault(f"{len(line)} characters: expected {WIDTH} at most.", line=number)


def _folder(nodes: Iterable[Node], role: str) -> Iterator[Fault]:
    """Yield the statements that do not belong in the folder."""
    for node in nodes:
        what = kind(node)
        if what and what not in HOLDS.get(role, DEFINITIONS):
            homes = " or ".join(sorted(name for name, kinds in HOLDS.items() if what in kinds))
            where = f"in {homes} only" if homes else "nowhere"
            yield fault(f"A {what} does not belong in {role}: it stands {where}.", node)


def _terms(nodes: Iterable[Node]) -> Iterator[Fault]:
    """Yield what clingo 6 reads otherwise than clingo 5, and costs that swallow each other."""
    for node in nodes:
        for inner in walk(node):
            name = inner.ast_type.name
            if name == "Literal" and inner.sign and any(_is_blank(n) for n in walk(inner)):
                yield fault("An _ inside not: write a predicate without that argument.", inner)
            elif name == "BinaryOperation" and str(inner) == f"({inner.left}\\{inner.right})":
                left = str(inner.left)
                if "-" in left and "+" not in left:
                    hint = f"Add a multiple of {inner.right}."
                    yield fault(f"{left} may be negative, and so its remainder.", inner, hint=hint)
        if node.ast_type.name == "Minimize":
            missing = variables(_witnesses(node.body)) - variables(node.terms)
            if missing or not variables(node.terms):
                names = ", ".join(sorted(missing)) or "no variable at all"
                yield fault(f"The tuple of a cost names the occurrence: it lacks {names}.", node)


def _witnesses(body: Sequence[Node]) -> list[Node]:
    """Return the violations in a weak constraint's body: each of them is to cost by itself."""
    return [part for part in body if any(s.name == "violation" for s in atoms(part))]


def _is_blank(node: Node) -> bool:
    return node.ast_type.name == "Variable" and bool(node.name == "_")
