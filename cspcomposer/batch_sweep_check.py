"""What cannot be swept, told before anything is composed: in sentences, where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from cspcomposer import batch_values, candidates_sweep
from cspcomposer.batch_axes import Swept
from cspcomposer.batch_plan import SEED, loaded
from cspcomposer.batch_values import Assignment, NoPlace
from cspcomposer.candidates_sweep import Combination, Space
from cspcomposer.document import Where
from cspcomposer.errors import BadSpec
from cspcomposer.specsweep import MOST_PIECES
from cspcomposer.specwords import UNKNOWN_KEY

_FIXED = {
    "answers": "each piece is one answer",
    "sweep": "it says what is swept",
}
Pattern = Mapping[str, Sequence[Any]]


def know(swept: Swept) -> None:
    """Refuse keys, conditions and a size that cannot be, everything at once as far as possible.

    Raises:
        BadSpec: something cannot be.
    """
    _know_something(swept)
    _know_axes(swept)
    _know_conditions(swept)
    swept.stop()
    _know_size(swept)


def _know_something(swept: Swept) -> None:
    sweep = swept.sweep
    for name, group in [("matrix", sweep.matrix), *(("zip", g) for g in sweep.zip)]:
        if name in sweep.model_fields_set and not group:
            hint = "Write such as key: [C major, G major]."
            swept.complain(("sweep", name), "nothing is listed here.", hint)
    if not (swept.variables or sweep.seeds or sweep.include) and not swept.faults:
        hint = "Write such as sweep: {seeds: 20}."
        swept.complain(("sweep",), "nothing is swept: a batch needs matrix, zip, seeds "
                      "or include.", hint)  # fmt: skip
        _try(swept, Assignment(()), ())


def _know_axes(swept: Swept) -> None:
    ways = {axis: swept.variables[name][0] for axis, name in swept.variable.items()
            if swept.variables[name]}  # fmt: skip
    places = {axis: dict(one.ways)[axis][:-1] for axis, one in ways.items()}
    included = {axis: ("sweep", "include", n, axis)
                for n, extra in enumerate(swept.sweep.include) for axis in extra}  # fmt: skip
    for axis, way in {**included, **places}.items():
        head = axis.split(".")[0]
        if head in _FIXED:
            swept.complain(way, f"'{head}' cannot be swept: {_FIXED[head]}.")
        for other in places:
            if axis.startswith(f"{other}.") and axis in places:
                say = f"{other} is swept as a whole, and this within it: they clash."
                swept.complain(way, say, "Keep one of the two.")
    if SEED in places and swept.sweep.seeds is not None:
        say = "seeds says which seeds there are, and this says so too."
        swept.complain(places[SEED], say, "Keep one of the two.")


def _know_conditions(swept: Swept) -> None:
    for number, pattern in enumerate(swept.sweep.exclude):
        _know_pattern(swept, ("sweep", "exclude", number), pattern)
    for number, where in enumerate(swept.sweep.where):
        way: Where = ("sweep", "where", number)
        _know_pattern(swept, (*way, "if"), where.if_ or {})
        _know_pattern(swept, (*way, "then"), where.then or {})
        for name, axes in (("different", where.different), ("of", where.of)):
            for place, axis in enumerate(axes or ()):
                if (axis, name) != (SEED, "of"):
                    at: Where = (*way, name, place) if axes and len(axes) > 1 else (*way, name)
                    _know_axis(swept, at, axis)


def _know_pattern(swept: Swept, way: Where, pattern: Pattern) -> None:
    for axis, wanted in pattern.items():
        if not _know_axis(swept, (*way, axis), axis):
            continue
        values = swept.values(axis)
        for one in wanted:
            said, hint = batch_values.never(axis, values, one)
            if said:
                swept.complain((*way, axis), said, hint)


def _know_axis(swept: Swept, way: Where, axis: str) -> bool:
    if axis in swept.variable or (axis == SEED and swept.sweep.seeds):
        return True
    near = get_close_matches(axis, list(swept.variable), 1)
    hint = f"Did you mean '{near[0]}'?" if near else ""
    hint = hint or f"Swept are: {', '.join(swept.variable) or 'only seeds'}."
    swept.complain(way, f"'{axis}' is not swept.", hint)
    return False


def _know_size(swept: Swept) -> None:
    size = candidates_sweep.size({name: len(o) for name, o in swept.variables.items()})
    seeds = len(swept.sweep.seeds or (0,))
    if size * seeds > MOST_PIECES and not swept.sweep.sample:
        _too_many(swept, size, seeds)


def know_values(swept: Swept, space: Space, rows: Sequence[Combination]) -> None:
    """Refuse values that cannot be: each is tried once, in a combination that is allowed.

    Args:
        swept: What varies.
        space: Its combinations; seeds may be among them, last.
        rows: Those that are allowed, or some of them.

    Raises:
        BadSpec: some cannot be.
    """
    options = list(swept.variables.values())
    if rows or not swept.sweep.include:
        first = rows[0][: len(options)] if rows else ()
        digest = _try(swept, _joined(swept, first), ())
        seen = {(place, digest): number for place, number in enumerate(first)}
        for row in space.witnesses(rows[0]) if rows else ():
            other = row[: len(options)]
            differ = [place for place, number in enumerate(other) if number != first[place]]
            named = [axis for place in differ for axis, _ in options[place][0].ways]
            if not named:  # another seed
                continue
            digest = _try(swept, _joined(swept, other), named)
            if digest and len(differ) == 1 and SEED not in named:
                place = differ[0]
                same = seen.setdefault((place, digest), other[place])
                if same != other[place]:
                    _same(swept, options[place][same], options[place][other[place]])
    for extra in swept.included():
        _try(swept, extra, dict(extra.ways))
    swept.stop()


def _same(swept: Swept, one: Assignment, other: Assignment) -> None:
    said = " and ".join(map(batch_values.label, batch_values.inputs(swept.document, one).values()))
    swept.complain(other.ways[0][1], f"this means the same as {said}.", "Keep one of the two.")


def _joined(swept: Swept, row: Combination) -> Assignment:
    options = swept.variables.values()
    return swept.joined([several[i] for several, i in zip(options, row, strict=True)])


def _try(swept: Swept, one: Assignment, other: Iterable[str]) -> str:
    """Try a combination; return its digest, or "" for one that cannot be.

    Args:
        swept: Where faults are noted.
        one: The combination.
        other: The keys whose values are not those of the first combination.
    """
    try:
        found = loaded(swept.template, one)
    except BadSpec as error:
        values = batch_values.inputs(swept.document, one)
        told = " and ".join(f"{a} {batch_values.label(values[a])}" for a in other)
        known = {fault.key for fault in swept.faults}
        unknown = {fault.key for fault in swept.faults if fault.message == UNKNOWN_KEY}
        for fault in error.faults:
            if fault.key in unknown and fault.message == UNKNOWN_KEY:
                continue
            if told and not any(fault.key.startswith(axis) for axis in other):
                if fault.key in known:
                    continue
                fault = replace(fault, message=f"{fault.message} This is with {told}.")
            swept.faults.append(fault)
        return ""
    except NoPlace as error:
        way = dict(one.ways)[error.axis]
        way = way[:-1] if isinstance(way[-1], int) else way
        swept.complain(way, f"this key leads nowhere: {error}.")
        return ""
    if found.spec.answers.count > 1:
        say = "a batch composes one answer for each piece."
        swept.complain(("answers",), say, "Leave this out, and ask for more seeds.")
    return found.sha256


def _too_many(swept: Swept, size: int, seeds: int) -> None:
    by = " x ".join(f"{name} {len(o)}" for name, o in swept.variables.items())
    by += f" x seeds {seeds}" if seeds > 1 else ""
    say = f"{size * seeds:,} pieces ({by}): expected at most {MOST_PIECES:,}."
    swept.complain(("sweep",), say, "Draw some of them with sample: 1000, or sweep less.")
    swept.stop()


def nothing_left(swept: Swept, space: Space) -> None:
    """Say which conditions leave no combination.

    Raises:
        BadSpec: always.
    """
    blamed = space.to_blame()
    if not blamed:
        swept.complain(("sweep",), "no combination that keeps to where and exclude was found by "
                      "chance: they leave almost nothing.", "Loosen them.")  # fmt: skip
    for one in blamed:
        others = [c.name for c in blamed if c is not one]
        say = "leaves no combination at all" if not others else (
            f"leaves no combination together with {' and '.join(others)}"
        )  # fmt: skip
        kind, number = one.name.split(".")[1:]
        swept.complain(("sweep", kind, int(number) - 1), f"{say}.", "Loosen it.")
    swept.stop()
