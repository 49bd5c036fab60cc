"""Rules as programs of their own, to be asked about a few neighbouring moments.

What a rule needs of the theory is cut out for it; rules that look at the same statements about a
piece share one program. A rule of a user's own that counts, or speaks of all or none, is left out:
it may mean the whole piece, of which a few moments do not tell. A weak constraint becomes a rule
that says what is charged for, the price being looked up elsewhere:
`:~ pitch(V,T,P), preferred_pitch(V,T,P,C). [C@0,V,T]` turns into
`charge(preferred_pitch(V,T,P),(V,T)) :- pitch(V,T,P).` Looks at syntax trees alone.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clingo import ast

from cspcomposer import kept, rulebook, rulebook_slice
from cspcomposer.rulebook_slice import Signature, cut, statements
from cspcomposer.solver import Source

VIOLATION: Signature = ("violation", 3)
CHARGE: Signature = ("charge", 2)
FITS: Signature = ("fits", 3)
_PRICED = "preferred_"
# What is open is told for every program; whether it looks at more decides with which it goes.
_OPEN = frozenset({"possible", "within", "struck", "kept", "slot", "next_slot", "next", "key"})
_COMMON = _OPEN | {"asked_any", "leads", "attack", "voice", "own_compass", "free", "held"}


@dataclass(frozen=True)
class Excerpt:
    """A program for some rules.

    Attributes:
        text: The program.
        looks_at: The names of what it must be told of a piece.
    """

    text: str
    looks_at: frozenset[str]


@dataclass(frozen=True)
class Excerpts:
    """The programs into which the rules fall that a few moments can tell of.

    Attributes:
        rules: What breaks them.
        open: What is charged for, and which notes go with which chords.
    """

    rules: tuple[Excerpt, ...]
    open: tuple[Excerpt, ...]


def excerpts(program: Sequence[Source]) -> Excerpts:
    """Return the programs into which one falls that has `choose/moment.lp` in it.

    Args:
        program: All texts, as `rulebook.program` returns them.
    """
    return _excerpts(tuple(program))


@cache
def _excerpts(program: tuple[Source, ...]) -> Excerpts:
    said = [part for source in program for part in (source.name, source.text)]
    name = kept.digest(__file__, [kept.digest(rulebook_slice.__file__, said)])
    data = kept.load("excerpts", name)
    if data is not None:
        with contextlib.suppress(ValueError, TypeError):
            rules, openly = (
                tuple(Excerpt(text, frozenset(names)) for text, names in several)
                for several in json.loads(data)
            )
            return Excerpts(rules, openly)
    found = _made(program)
    plain = [[[e.text, sorted(e.looks_at)] for e in part] for part in (found.rules, found.open)]
    kept.store("excerpts", name, json.dumps(plain).encode())
    return found


def _made(program: tuple[Source, ...]) -> Excerpts:
    own = [s for s in program if _breaks(s) and not _within(s, "rules")]
    rules = [s for s in program if _within(s, "rules")] + [s for s in own if _local(s, own)]
    priors = [s for s in program if _within(s, "priors")]
    # The policy has its say where prices are looked up, and what is possible is told.
    rest = [
        s
        for s in program
        if not any(_within(s, folder) for folder in ("rules", "priors", "policy"))
        and Path(s.name).stem != "supply" and s not in own
    ]  # fmt: skip
    alike: dict[frozenset[str], list[Source]] = defaultdict(list)
    for rule in rules:
        alike[_looks_at(_cut(rest, [rule])) - _COMMON].append(rule)
    charges = [Source(s.name, "\n".join(_charges(s))) for s in priors]
    return Excerpts(
        tuple(_excerpt(_cut(rest, several)) for several in alike.values()),
        (_excerpt(cut([*rest, *charges], [CHARGE])), _excerpt(cut(rest, [FITS]))),
    )


def _within(source: Source, folder: str) -> bool:
    return Path(source.name).is_relative_to(rulebook.folder() / folder)


def _breaks(source: Source) -> bool:
    """Return whether a text says what breaks a rule."""
    return any(VIOLATION in statement.heads for statement in statements(source))


def _local(source: Source, own: Sequence[Source]) -> bool:
    """Return whether a user's own rule stands by itself and neither counts nor quantifies."""
    here = statements(source)
    heads = {head for statement in here for head in statement.heads}
    asked = {body for statement in here for body in statement.bodies} - heads
    others = {h for other in own if other != source for s in statements(other) for h in s.heads}
    return not any(statement.counts for statement in here) and asked.isdisjoint(others)


def _cut(rest: Sequence[Source], rules: Sequence[Source]) -> list[Source]:
    said = " ".join(f"active({Path(rule.name).stem})." for rule in rules)
    return cut([*rest, *rules, Source("active", said)], [VIOLATION])


def _looks_at(sources: Sequence[Source]) -> frozenset[str]:
    every = [statement for source in sources for statement in statements(source)]
    heads = {head for s in every for head in s.heads}
    return frozenset(name for name, _ in {b for s in every for b in s.bodies} - heads) | _OPEN


def _excerpt(sources: Sequence[Source]) -> Excerpt:
    return Excerpt("\n".join(s.text for s in sources if s.text), _looks_at(sources))


def _charges(source: Source) -> Iterator[str]:
    """Yield the weak constraints of a text whose price is looked up as rules without it."""
    found: list[ast.AST] = []
    ast.parse_string(source.text, found.append)
    for node in found:
        if node.ast_type != ast.ASTType.Minimize:
            continue
        body = list(node.body)
        priced = [place for place, part in enumerate(body) if _price(part, str(node.weight))]
        if len(priced) == 1:
            atom = body.pop(priced[0]).atom.symbol
            what = f"{atom.name}({','.join(map(str, atom.arguments[:-1]))})"
            terms = ",".join([*map(str, node.terms), "0"])
            yield f"charge({what},({terms})) :- {'; '.join(map(str, body))}."


def _price(part: ast.AST, weight: str) -> bool:
    if part.ast_type != ast.ASTType.Literal or part.atom.ast_type != ast.ASTType.SymbolicAtom:
        return False
    atom = part.atom.symbol
    return (
        atom.ast_type == ast.ASTType.Function
        and atom.name.startswith(_PRICED)
        and str(atom.arguments[-1]) == weight
    )
