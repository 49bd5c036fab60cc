"""From what the harmony of a phrase is derived, as facts; and the tree that an answer makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer.facts_form_plan import Bars, Said
from cspcomposer.plan import Region
from cspcomposer.solver import Answer

TREES = {"expands": 6, "rest_as": 4, "step": 4, "sounds_as": 2}
_STARTS = {"half": "open", "deceptive": "evaded", "plagal": "amen"}


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


def derivations(answer: Answer, bars: Bars) -> Iterator[Derivation]:
    """Yield for each phrase of an answer what its harmony is derived from."""
    said = Said(answer)
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


def stated(asked: Derivation, model: Region | None = None) -> Iterator[str]:
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
