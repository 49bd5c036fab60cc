"""The plan that an answer makes: sections, phrases, keys, ideas, as bars have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cspcomposer.facts_form import OWN, Layout
from cspcomposer.plan import (
    OTHER_VALUES,
    TURNS,
    Climax,
    Idea,
    Modulation,
    Phrase,
    Plan,
    Section,
)
from cspcomposer.score import Key
from cspcomposer.solver import Answer, Term
from cspcomposer.spec import SectionSpec, Spec

# What is made of an idea where its section returns with such a change; else it is repeated.
_RETURNS = {
    "key": "transposition", "ornament": "ornament", "rhythm": "rhythmic_variation",
}  # fmt: skip
SHOWN = {
    "built": 4, "node": 3, "label": 2, "changed": 2, "mirrors": 2, "stands": 3,
    "ends_in": 3, "leaf": 3, "closing": 2, "rank": 2, "turns": 3, "jumps": 6, "climax": 1,
    "climax_pitch": 1, "taken_up": 3, "idea": 1, "density_of": 2, "twice": 1, "begins_with": 2,
    "strong_bar": 2, "upbeat_of": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Bars:
    """Where bars begin.

    Attributes:
        onsets: Of each bar, the pick-up left out, and then the end of the piece.
        begin: Where the music begins.
    """

    onsets: tuple[Fraction, ...]
    begin: Fraction = Fraction(0)

    def time(self, bar: int) -> Fraction:
        """Return where a bar begins; the first one with its pick-up."""
        return self.begin if bar == 0 else self.onsets[bar]


class Said:
    """An answer's atoms by name, and the parts of the form in order.

    Attributes:
        by: The arguments of the atoms, by name.
        leaves: Of each phrase its first bar, the bar after it, and which part it is; in order.
    """

    def __init__(self, answer: Answer) -> None:
        self.by: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for atom in answer.atoms:
            self.by[atom.name].append(atom.arguments)
        self.leaves = sorted(((a[1], a[2], a[0]) for a in self.by["leaf"]), key=lambda a: a[:2])

    def one(self, name: str) -> dict[Term, tuple[Any, ...]]:
        """Return the rest of each atom by its first argument."""
        return {a[0]: a[1:] for a in self.by[name]}


def path(node: Term) -> str:
    """Return a part of the form as a dotted number: the piece's second part is "2"."""
    if not node.arguments:
        return ""
    above = path(node.arguments[0])
    return f"{above}.{node.arguments[1]}" if above else str(node.arguments[1])


def _number(node: Term) -> tuple[int, ...]:
    return tuple(map(int, path(node).split("."))) if node.arguments else ()


def _key(time: Fraction, said: Iterable[object]) -> Key:
    tonic, mode = said
    return Key(time, int(str(tonic)), str(mode))


def planned(answer: Answer, spec: Spec, layout: Layout, title: str, bars: Bars) -> Plan:
    """Return the plan that an answer makes."""
    said = Said(answer)
    built, labels = said.one("built"), said.one("label")
    stands, ends = said.one("stands"), said.one("ends_in")
    nodes = sorted((n for n in built if n.arguments), key=_number)
    sections = tuple(_section(said, node, spec, bars, stands) for node in nodes)
    closings, ranks = said.one("closing"), said.one("rank")
    phrases = tuple(
        Phrase(
            bars.time(begin), bars.time(end), path(node), str(labels[node][0]),
            str(closings[node][0]), _key(bars.time(begin), ends[node]), int(str(ranks[node][0])),
        )
        for begin, end, node in said.leaves
    )  # fmt: skip
    return Plan(
        " ".join(layout.parts) if layout.form == OWN else layout.form,
        title,
        sections,
        phrases,
        tuple(_ideas(said, bars)),
        tuple(sorted(_modulations(said, stands, ends, bars), key=lambda m: m.time)),
        _climax(said, bars),
        (),
        tuple(_hypermetre(said, len(bars.onsets) - 1)),
    )


def _section(
    said: Said, node: Term, spec: Spec, bars: Bars, stands: Mapping[Term, tuple[Any, ...]]
) -> Section:
    form, begin, end = said.one("built")[node]
    label = str(said.one("label")[node][0])
    asked = spec.sections.get(label, SectionSpec())
    like = dict(said.one("mirrors")).get(node, (None,))[0]
    changes = sorted(str(c) for n, c in said.by["changed"] if n == node) if like else []
    density = asked.density or str(said.one("density_of").get(node, ("",))[0])
    beats = int(str(said.one("upbeat_of").get(node, (0,))[0])) if spec.texture else 0
    upbeat = asked.upbeat or beats * spec.metre.pulse
    return Section(
        path(node), label, str(form), bars.time(int(str(begin))), bars.time(int(str(end))),
        path(like) if like else "", tuple(changes), _key(bars.time(int(str(begin))), stands[node]),
        asked.texture or "", density, Fraction(0) if spec.pickup else upbeat,
        asked.harmonic_rhythm or "",
    )  # fmt: skip


def _ideas(said: Said, bars: Bars) -> Iterator[Idea]:
    """Yield the ideas in order: those of a phrase that returns are those that it returns."""
    spans = {node: (int(str(begin)), int(str(end))) for node, begin, end in said.by["node"]}
    taken = {node: (of, str(how)) for node, of, how in said.by["taken_up"]}
    mirrors: dict[Term, Term] = {node: model for node, model in said.by["mirrors"]}
    changed: dict[Term, set[str]] = defaultdict(set)
    for node, change in said.by["changed"]:
        changed[node].add(str(change))
    found: list[Idea] = []
    for node in sorted((a[0] for a in said.by["idea"]), key=_number):
        begin, end = spans[node]
        phrase, number = node.arguments
        of, how = taken.get(node, (None, "new"))
        name = path(node)
        if phrase in mirrors:
            differs = changed[phrase]
            model = Term("sub", (mirrors[phrase], number))
            start, stop = spans[phrase]
            closes = "ending" in differs and end > start + (stop - start + 1) // 2
            turn = next((turn for turn in TURNS if turn in differs), None)
            if turn in OTHER_VALUES:
                found += _scaled(name, turn, spans[model], spans[mirrors[phrase]], spans[phrase],
                                 path(model), bars)  # fmt: skip
                continue
            if turn and not closes:
                of, how = model, turn
            elif not closes and not differs & {"melody", "mode"}:
                of = model
                how = next((h for c, h in _RETURNS.items() if c in differs), "repetition")
            elif "mode" in differs:
                of, how = model, "transposition"
        found.append(Idea(name, bars.time(begin), bars.time(end), path(of) if of else "", how))
    yield from sorted(found, key=lambda idea: idea.begin)


def _scaled(
    name: str, how: str, model: tuple[int, int], whole: tuple[int, int], phrase: tuple[int, int],
    of: str, bars: Bars,
) -> Iterator[Idea]:  # fmt: skip
    """Yield an idea of a phrase that returns in other note values, as often as it fits there.

    Args:
        name: Its name.
        how: "augmentation" or "diminution".
        model: The bars of the earlier idea.
        whole: The bars of the phrase in which that is.
        phrase: The bars of this phrase.
        of: The name of the earlier idea.
        bars: Where bars begin.
    """
    factor = Fraction(2) if how == "augmentation" else Fraction(1, 2)
    length = bars.onsets[phrase[0] + 1] - bars.onsets[phrase[0]]
    size = (whole[1] - whole[0]) * factor
    begin, end = ((bar - whole[0]) * factor for bar in model)
    again = 0
    while begin < phrase[1] - phrase[0]:
        stop = min(end, Fraction(phrase[1] - phrase[0]))
        first, last = (bars.onsets[phrase[0]] + bar * length for bar in (begin, stop))
        yield Idea(f"{name}{'+' * again}", first, last, of, how)
        begin, end, again = begin + size, end + size, again + 1


def _modulations(
    said: Said,
    stands: Mapping[Term, tuple[Any, ...]],
    ends: Mapping[Term, tuple[Any, ...]],
    bars: Bars,
) -> Iterator[Modulation]:
    for node, bar, how in said.by["turns"]:
        time = bars.time(int(str(bar)))
        yield Modulation(time, _key(time, ends[node]), str(how))
    begins = {node: begin for begin, _, node in said.leaves}
    for _, node, *_rest in said.by["jumps"]:
        time = bars.time(begins[node])
        yield Modulation(time, _key(time, stands[node]), "direct")


def _climax(said: Said, bars: Bars) -> Climax | None:
    if not said.by["climax"] or not said.by["climax_pitch"]:
        return None
    bar, pitch = int(str(said.by["climax"][0][0])), int(str(said.by["climax_pitch"][0][0]))
    if any(int(str(b)) == bar for (b,) in said.by["twice"]):
        return None
    return Climax(bars.onsets[bar], bars.onsets[bar + 1], pitch)


def _hypermetre(said: Said, count: int) -> Iterator[int]:
    """Yield how strong each bar is: how many kinds of groups begin with it."""
    strong = [int(str(bar)) for bar, _ in said.by["strong_bar"]]
    yield from (strong.count(bar) for bar in range(count))
