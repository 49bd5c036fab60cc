"""What a specification says of its form, as facts; and the plan that an answer makes.

Bars count from 0 in facts, parts of the form are `piece` and `sub(X,I)`.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cspcomposer.plan import (
    OTHER_VALUES,
    TURNS,
    Climax,
    Idea,
    Modulation,
    Phrase,
    Plan,
    Region,
    Section,
)
from cspcomposer.score import Key
from cspcomposer.solver import Answer, Term
from cspcomposer.spec import SectionSpec, Spec

LETTER = re.compile(r"([A-Z])('*)")
OWN = "own"
# What is made of an idea where its section returns with such a change; else it is repeated.
_RETURNS = {
    "key": "transposition", "ornament": "ornament", "rhythm": "rhythmic_variation",
}  # fmt: skip
_WHIMS = 101
# As mild as a whim is.
_WHIM = 9
USUAL = 8
SHOWN = {
    "built": 4, "node": 3, "label": 2, "changed": 2, "mirrors": 2, "stands": 3,
    "ends_in": 3, "leaf": 3, "closing": 2, "rank": 2, "turns": 3, "jumps": 6, "climax": 1,
    "climax_pitch": 1, "taken_up": 3, "idea": 1, "density_of": 2, "twice": 1, "begins_with": 2,
    "strong_bar": 2, "upbeat_of": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The parts of the piece as a form has them.

    Attributes:
        form: The form's name.
        labels: What all parts are called, at any depth.
        parts: What the parts of the piece are called, in order.
        weights: How long each is beside the others.
        bars: How long the piece is if nothing is said of it.
    """

    form: str
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    weights: tuple[int, ...]
    bars: int


def letters(text: str) -> tuple[str, ...] | None:
    """Return the letters of a written form, "A A' B A'"; None if it is something else."""
    found = text.split()
    return tuple(found) if found and all(LETTER.fullmatch(each) for each in found) else None


def models(labels: Sequence[str], sections: Mapping[str, SectionSpec]) -> dict[int, int]:
    """Return which earlier part comes back in each part that is not new, both counted from 0."""
    out: dict[int, int] = {}
    for place, label in enumerate(labels):
        earlier = labels[:place]
        said = sections[label].like if label in sections else None
        if said and said in earlier:
            out[place] = earlier.index(said)
        elif label in earlier:
            out[place] = earlier.index(label)
        elif not said and label.rstrip("'") != label:
            same = [i for i, other in enumerate(earlier) if other.rstrip("'") == label.rstrip("'")]
            if same:
                out[place] = same[0]
    return out


def written_form(labels: Sequence[str], spec: Spec) -> Iterator[str]:
    """Yield the facts of a form that a specification writes with letters."""
    backs = models(labels, spec.sections)
    yield f'form({OWN},"{" ".join(labels)}")'
    yield f"length({OWN},1,500)"
    for place, label in enumerate(labels):
        number = place + 1
        said = spec.sections.get(label, SectionSpec())
        yield f'part({OWN},{number},"{label}")'
        if place not in backs:
            yield f"made_as({OWN},{number},theme)"
            if 0 < place < len(labels) - 1:
                for region in ("home", "second", "subdominant", "relative"):
                    yield f"stands_in({OWN},{number},{region})"
            continue
        yield f"returns({OWN},{number},{backs[place] + 1})"
        changes = said.changes
        if not changes and label != labels[backs[place]] and label.endswith("'"):
            changes = ("ending",)
        exactly_again = label in labels[:place]
        for change in () if exactly_again else changes:
            yield f"change({OWN},{number},{change})"
        if "key" in changes and not said.key and not exactly_again:
            for region in ("second", "subdominant", "relative"):
                yield f"stands_in({OWN},{number},{region})"
        if "mode" in changes and not said.key and not exactly_again:
            yield f"stands_in({OWN},{number},parallel)"


def asked(spec: Spec, layout: Layout, seed: int, top: int | None) -> str:
    """Return what a specification asks of a form, as facts.

    Args:
        spec: The specification.
        layout: The form's parts.
        seed: For what nothing else decides.
        top: The highest pitch of a melody that is free, or None.
    """
    lengths = own_lengths(spec, layout)
    out = [f"planned({layout.form})", f"total({total(spec, layout)})"]
    out += ["free_rhythm"] if spec.texture else []
    out.append(f"home({spec.key.tonic},{spec.key.mode})")
    if top is not None:
        out.append(f"melody_top({top})")
    out += [f'own_bars("{label}",{bars})' for label, bars in lengths.items()]
    for label, said in spec.sections.items():
        if said.key:
            out.append(f'own_key("{label}",{said.key.tonic},{said.key.mode})')
        if said.closes_in:
            out.append(f'own_close("{label}",{said.closes_in.tonic},{said.closes_in.mode})')
        if said.cadence:
            out.append(f'own_cadence("{label}",{said.cadence})')
        if said.form:
            out.append(f'own_form("{label}",{said.form})')
    out += whims(seed)
    return "\n".join(f"{fact}." for fact in out)


def whims(seed: int) -> Iterator[str]:
    """Yield what chance charges, where nothing else decides."""
    chance = random.Random(f"{seed}:form")
    for number in range(_WHIMS):
        yield f"whim({number},{chance.randrange(_WHIM)})"


def own_lengths(spec: Spec, layout: Layout) -> dict[str, int]:
    """Return how long each section is of which that is said, or follows from its model."""
    said = {label: s.bars for label, s in spec.sections.items() if s.bars is not None}
    if layout.form != OWN:
        return said
    for place, model in models(layout.parts, spec.sections).items():
        if layout.parts[model] in said:
            said.setdefault(layout.parts[place], said[layout.parts[model]])
    return said


def total(spec: Spec, layout: Layout) -> int:
    """Return how many bars a piece has."""
    lengths = own_lengths(spec, layout)
    if spec.bars is not None:
        return spec.bars
    whole = sum(layout.weights) or 1
    pairs = zip(layout.parts, layout.weights, strict=True)
    return sum(lengths.get(label, layout.bars * weight // whole) for label, weight in pairs)


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


class _Said:
    """An answer's atoms by name, and the parts of the form in order."""

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
    said = _Said(answer)
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
    said: _Said, node: Term, spec: Spec, bars: Bars, stands: Mapping[Term, tuple[Any, ...]]
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


def _ideas(said: _Said, bars: Bars) -> Iterator[Idea]:
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
    said: _Said,
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


def _climax(said: _Said, bars: Bars) -> Climax | None:
    if not said.by["climax"] or not said.by["climax_pitch"]:
        return None
    bar, pitch = int(str(said.by["climax"][0][0])), int(str(said.by["climax_pitch"][0][0]))
    if any(int(str(b)) == bar for (b,) in said.by["twice"]):
        return None
    return Climax(bars.onsets[bar], bars.onsets[bar + 1], pitch)


def _hypermetre(said: _Said, count: int) -> Iterator[int]:
    """Yield how strong each bar is: how many kinds of groups begin with it."""
    strong = [int(str(bar)) for bar, _ in said.by["strong_bar"]]
    yield from (strong.count(bar) for bar in range(count))


@dataclass(frozen=True)
class Derivation:
    """The harmony of a phrase that is to be derived.

    Attributes:
        phrase: Which one, counted from 0.
        units: How many units it has.
        length: How long one lasts, in quarter notes.
        begin: Where the first one begins.
        start: What it starts from.
        turn: At which unit the key changes, and how; None if it does not.
        cadence: How it closes.
        like: An earlier phrase that has the same harmony, or None.
        begins_like: An earlier phrase that has the same harmony in its first half, or None.
        groups: With which unit a group of how many bars begins.
        last: Whether it, or a phrase that has the same harmony, ends the piece.
    """

    phrase: int
    units: int
    length: Fraction
    begin: Fraction
    start: str
    turn: tuple[int, str] | None
    cadence: str
    like: int | None
    begins_like: int | None = None
    groups: tuple[tuple[int, int], ...] = ()
    last: bool = False


_STARTS = {"half": "open", "deceptive": "evaded", "plagal": "amen"}


def derivations(answer: Answer, bars: Bars) -> Iterator[Derivation]:
    """Yield for each phrase of an answer what its harmony is derived from."""
    said = _Said(answer)
    closings, begins = said.one("closing"), said.one("begins_with")
    turns = {node: (int(str(bar)), str(how)) for node, bar, how in said.by["turns"]}
    order = {node: place for place, (_, _, node) in enumerate(said.leaves)}
    mirrors = {node: model for node, model in said.by["mirrors"]}
    changed = {(node, str(change)) for node, change in said.by["changed"]}
    strong = [(int(str(bar)), int(str(size))) for bar, size in said.by["strong_bar"]]
    final = {said.leaves[-1][2], mirrors.get(said.leaves[-1][2])}
    for place, (first, last, node) in enumerate(said.leaves):
        count = int(str(last)) - int(str(first))
        parts = Fraction(2) if count <= 2 else Fraction(1, 2 if count > 8 and count % 2 == 0 else 1)
        begin = bars.onsets[int(str(first))]
        length = (bars.onsets[int(str(last))] - begin) / (count * parts)
        cadence = str(closings[node][0])
        start = str(begins[node][0]) if node in begins else _STARTS.get(cadence, "tonic")
        turn = None
        if node in turns:
            bar, how = turns[node]
            turn = (int((bar - int(str(first))) * parts), how)
            start = f"turned({start})"
        like = mirrors.get(node)
        new = any((node, change) in changed for change in ("ending", "harmony"))
        model = order.get(like) if like is not None else None
        half = model if new and (node, "harmony") not in changed else None
        same = None if new else model
        units = int(count * parts)
        begun = int(str(first))
        groups = tuple(sorted(
            (int((bar - begun) * parts), size)
            for bar, size in strong if begun <= bar < begun + count
        ))  # fmt: skip
        yield Derivation(place, units, length, begin, start, turn, cadence, same, half, groups,
                         node in final)  # fmt: skip


def derivation_facts(asked: Derivation, model: Region | None = None) -> Iterator[str]:
    """Yield a phrase whose harmony is to be derived as facts; `model` is how it begins."""
    if model:
        half = (asked.units + 1) // 2
        yield f"returns_until({asked.phrase},{half})"
        for leaf in model.leaves():
            unit = (leaf.begin - model.begin) / asked.length
            if unit < half and unit.denominator == 1:
                yield f"model_chord({asked.phrase},{unit},{leaf.function})"
    yield f"derives({asked.phrase},{asked.units},{asked.start})"
    if asked.last:
        yield f"ends_the_piece({asked.phrase})"
    for first, size in asked.groups:
        yield f"group_begins({asked.phrase},{first},{size})"
    if asked.turn:
        yield f"turn_unit({asked.phrase},{asked.turn[0]},{asked.turn[1]})"
    if asked.cadence != "any":
        yield f"rests_at_its_end({asked.phrase})"
    if asked.cadence in ("perfect", "imperfect"):
        yield f"authentic_end({asked.phrase})"


TREES = {"expands": 6, "rest_as": 4, "step": 4, "sounds_as": 2}


def tree(answer: Answer, asked: Derivation) -> Region:
    """Return the derivation of a phrase's harmony that an answer makes."""
    splits: dict[tuple[int, int, str], tuple[str, int]] = {}
    for atom in answer.atoms:
        if atom.name == "expands":
            phrase, begin, end, kind, how, middle = atom.arguments
            if phrase != asked.phrase:
                continue
            splits[begin, end, str(kind)] = (str(how), middle)
    steps = {(str(a.arguments[0]), str(a.arguments[1])): tuple(map(str, a.arguments[2:]))
             for a in answer.atoms if a.name == "step"}  # fmt: skip
    functions = {str(a.arguments[0]): str(a.arguments[1])
                 for a in answer.atoms if a.name == "sounds_as"}  # fmt: skip

    def grown(begin: int, end: int, kind: str) -> Region:
        first, last = (asked.begin + n * asked.length for n in (begin, end))
        if (begin, end, kind) not in splits:
            return Region(first, last, functions[kind])
        how, middle = splits[begin, end, kind]
        left, right = steps[kind, how]
        parts = (grown(begin, middle, left), grown(middle, end, right))
        return Region(first, last, functions.get(kind, kind), how, parts)

    return grown(0, asked.units, asked.start)
