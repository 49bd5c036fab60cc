"""What a specification says of its batch: its sweep read, held against itself, and counted out."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from pydantic import ValidationError

from cspcomposer import batch_values, candidates_sweep, specfile, specwords
from cspcomposer import document as documents
from cspcomposer.batch_plan import SEED, Piece, Plan, loaded
from cspcomposer.batch_values import Assignment, NoPlace
from cspcomposer.candidates_sweep import Condition
from cspcomposer.document import Document, Where, dotted
from cspcomposer.errors import BadSpec, Fault, counted
from cspcomposer.specsweep import MOST_PIECES, SweepSpec

Pattern = Mapping[str, Sequence[Any]]


def read(path: Path) -> Plan:
    """Return what the specification file of a batch asks for.

    Raises:
        BadSpec: it cannot be understood, or asks for nothing or too much; carries every fault.
    """
    return planned(specfile.opened(documents.load(path), path))


def planned(document: Document) -> Plan:
    """Return what the document of a batch asks for: errors as `read`."""
    sweep = _understood(document)
    reader = _Reader(document, sweep)
    reader.check()
    return reader.plan()


def _understood(document: Document) -> SweepSpec:
    """Return what a document says of its batch; only that part need be right.

    Raises:
        BadSpec: it cannot be understood.
    """
    faults = list(document.faults)
    said = document.data.get("sweep", {})
    try:
        sweep = SweepSpec.model_validate(said)
    except ValidationError as error:
        errors = [{**e, "loc": ("sweep", *e["loc"])} for e in error.errors(include_url=False)]
        raise BadSpec(*faults, *specwords.faults(document, errors)) from None
    if faults:
        raise BadSpec(*faults)
    return sweep


class _Reader:
    """Reads one sweep: what varies, what is allowed, what is taken."""

    def __init__(self, document: Document, sweep: SweepSpec) -> None:
        self.document, self.sweep = document, sweep
        self.faults: list[Fault] = []
        # Values that vary together have one variable: its possible assignments, in order.
        self.variables: dict[str, list[Assignment]] = {}
        self.variable: dict[str, str] = {}
        for axis, values in sweep.matrix.items():
            self._vary(axis, [axis], len(values), ("sweep", "matrix"))
        several = isinstance(document.data.get("sweep", {}).get("zip"), list)
        for place, group in enumerate(sweep.zip):
            way: Where = ("sweep", "zip", place) if several else ("sweep", "zip")
            lengths = {axis: len(values) for axis, values in group.items()}
            if len(set(lengths.values())) > 1:
                said = ", ".join(f"{axis} {n}" for axis, n in lengths.items())
                self.complain(way, f"lists of different lengths: {said}. Expected one length.")
            if group:
                self._vary(f"zip {place + 1}", list(group), min(lengths.values()), way)

    def complain(self, way: Where, message: str, hint: str = "", *, key: bool = True) -> None:
        line, column = self.document.place(way, key=key)
        self.faults.append(Fault(message, self.document.path, line, column, dotted(way), hint))

    def stop(self) -> None:
        if self.faults:
            faults = sorted(dict.fromkeys(self.faults), key=lambda f: (f.line, f.column))
            raise BadSpec(*faults)

    def _vary(self, name: str, axes: list[str], count: int, way: Where) -> None:
        if len(axes) == 1 and way[-1] == "matrix":
            self._know_once((*way, axes[0]))
        for axis in axes:
            if axis in self.variable:
                self.complain((*way, axis), "this key is swept already.", "Keep one of the two.")
            self.variable[axis] = name
        self.variables[name] = [
            Assignment(tuple((axis, (*way, axis, i)) for axis in axes)) for i in range(count)
        ]

    def _know_once(self, way: Where) -> None:
        seen: set[str] = set()
        for place, said in enumerate(batch_values.value(self.document, way)):
            if repr(said) in seen:
                self.complain((*way, place), "this value stands here twice.", "Keep it once.")
            seen.add(repr(said))

    def check(self) -> None:
        """Refuse what cannot be, everything at once as far as possible."""
        self._know_something()
        self._know_axes()
        self._know_conditions()
        self.stop()
        self._know_size()
        self._know_values()
        self.stop()

    def _know_something(self) -> None:
        sweep = self.sweep
        for name, group in [("matrix", sweep.matrix), *(("zip", g) for g in sweep.zip)]:
            if name in sweep.model_fields_set and not group:
                hint = "Write such as key: [C major, G major]."
                self.complain(("sweep", name), "nothing is listed here.", hint)
        if not (self.variables or sweep.seeds or sweep.include) and not self.faults:
            hint = "Write such as sweep: {seeds: 20}."
            self.complain(("sweep",), "nothing is swept: a batch needs matrix, zip, seeds "
                          "or include.", hint)  # fmt: skip

    def _know_axes(self) -> None:
        ways = {axis: self.variables[name][0] for axis, name in self.variable.items()
                if self.variables[name]}  # fmt: skip
        places = {axis: dict(one.ways)[axis][:-1] for axis, one in ways.items()}
        included = {axis: ("sweep", "include", n, axis)
                    for n, extra in enumerate(self.sweep.include) for axis in extra}  # fmt: skip
        for axis, way in {**included, **places}.items():
            head = axis.split(".")[0]
            if head in ("sweep", "answers"):
                self.complain(way, f"'{head}' cannot be swept: each piece is one answer.")
            for other in places:
                if axis.startswith(f"{other}.") and axis in places:
                    say = f"{other} is swept as a whole, and this within it: they clash."
                    self.complain(way, say, "Keep one of the two.")
        if SEED in places and self.sweep.seeds is not None:
            say = "seeds says which seeds there are, and this says so too."
            self.complain(places[SEED], say, "Keep one of the two.")

    def _know_conditions(self) -> None:
        for number, pattern in enumerate(self.sweep.exclude):
            self._know_pattern(("sweep", "exclude", number), pattern)
        for number, where in enumerate(self.sweep.where):
            way: Where = ("sweep", "where", number)
            self._know_pattern((*way, "if"), where.if_ or {})
            self._know_pattern((*way, "then"), where.then or {})
            for name, axes in (("different", where.different), ("of", where.of)):
                for place, axis in enumerate(axes or ()):
                    if axis != SEED or name != "of":
                        at: Where = (*way, name, place) if axes and len(axes) > 1 else (*way, name)
                        self._know_axis(at, axis)

    def _know_pattern(self, way: Where, pattern: Pattern) -> None:
        for axis, wanted in pattern.items():
            if not self._know_axis((*way, axis), axis):
                continue
            values = self._values(axis)
            for one in wanted:
                if batch_values.compared(one):
                    continue
                if not any(batch_values.matches(axis, v, [one]) for v in values):
                    labels = [batch_values.label(v) for v in values]
                    near = get_close_matches(str(one), labels, 1)
                    hint = f"Did you mean '{near[0]}'?" if near else ""
                    hint = hint or f"It takes {', '.join(labels[:12])}."
                    self.complain((*way, axis), f"{axis} never is {one!r}.", hint)

    def _know_axis(self, way: Where, axis: str) -> bool:
        if axis in self.variable:
            return True
        near = get_close_matches(axis, list(self.variable), 1)
        hint = f"Did you mean '{near[0]}'?" if near else ""
        hint = hint or f"Swept are: {', '.join(self.variable) or 'only seeds'}."
        self.complain(way, f"'{axis}' is not swept.", hint)
        return False

    def _values(self, axis: str) -> list[Any]:
        return [
            batch_values.value(self.document, dict(one.ways)[axis])
            for one in self.variables[self.variable[axis]]
        ]

    def _know_size(self) -> None:
        size = candidates_sweep.size({name: len(o) for name, o in self.variables.items()})
        seeds = len(self.sweep.seeds or (0,))
        if size * seeds > MOST_PIECES and not self.sweep.sample:
            self._too_many(size, seeds)

    def _know_values(self) -> None:
        """Try each value by itself, on the first value of everything else."""
        first = [options[0] for options in self.variables.values()]
        self._try(self._joined(first), ())
        for place, options in enumerate(self.variables.values()):
            before, after = first[:place], first[place + 1 :]
            for one in options[1:]:
                self._try(self._joined([*before, one, *after]), dict(one.ways))
        for extra in self._included():
            self._try(extra, dict(extra.ways))

    def _try(self, one: Assignment, other: Iterable[str]) -> None:
        """Try a combination; `other` names the keys whose values are not the first ones."""
        try:
            found = loaded(self.document, one)
        except BadSpec as error:
            values = batch_values.inputs(self.document, one)
            told = " and ".join(f"{a} {batch_values.label(values[a])}" for a in other)
            known = {fault.key for fault in self.faults}
            for fault in error.faults:
                if told and not any(fault.key.startswith(axis) for axis in other):
                    if fault.key in known:
                        continue
                    fault = replace(fault, message=f"{fault.message} This is with {told}.")
                self.faults.append(fault)
            return
        except NoPlace as error:
            way = dict(one.ways)[error.axis]
            way = way[:-1] if isinstance(way[-1], int) else way
            self.complain(way, f"this key leads nowhere: {error}.")
            return
        if found.spec.answers.count > 1:
            say = "a batch composes one answer for each piece."
            self.complain(("answers",), say, "Leave this out, and ask for more seeds.")

    def _joined(self, several: Sequence[Assignment]) -> Assignment:
        return Assignment(tuple(way for one in several for way in one.ways))

    def _included(self) -> Iterator[Assignment]:
        for number, extra in enumerate(self.sweep.include):
            yield Assignment(tuple((axis, ("sweep", "include", number, axis)) for axis in extra))

    def plan(self) -> Plan:
        """Return what is taken.

        Raises:
            BadSpec: nothing is left, or too much.
        """
        sweep = self.sweep
        base = self.document.data.get(SEED, 0)
        seeds = sweep.seeds or (base if isinstance(base, int) else 0,)
        domains = {name: len(options) for name, options in self.variables.items()}
        conditions = list(self._conditions())
        notes: list[str] = []
        size = candidates_sweep.size(domains) if domains else 0
        random = Random(f"sample:{sweep.sample.seed if sweep.sample else 0}")
        if size > MOST_PIECES:
            assert sweep.sample, "looked at in check"
            rows = candidates_sweep.drawn(domains, conditions, sweep.sample.count, random)
        else:
            rows = candidates_sweep.allowed(domains, conditions) if domains else []
        if domains and not rows:
            self._nothing_left(domains, conditions)
        combinations = [
            self._joined(
                [options[i] for options, i in zip(self.variables.values(), row, strict=True)]
            )
            for row in rows
        ]
        if not domains and not sweep.include:
            combinations = [Assignment(())]
        extra = list(self._included())
        combinations += extra
        axes = self._axes(seeds)
        plan = Plan(self.document, sweep, axes, tuple(combinations), seeds, None)
        drawn = self._drawn(plan, random, notes)
        return Plan(self.document, sweep, axes, tuple(combinations), seeds, drawn, tuple(notes))

    def _axes(self, seeds: Sequence[int]) -> tuple[str, ...]:
        names = [*self.variable, *(axis for extra in self.sweep.include for axis in extra)]
        names = [n for n in dict.fromkeys(names) if n != SEED]
        several = len(seeds) > 1 or SEED in self.variable
        several = several or any(SEED in extra for extra in self.sweep.include)
        return (*names, *([SEED] if several else []))

    def _conditions(self) -> Iterator[Condition]:
        for number, pattern in enumerate(self.sweep.exclude):
            yield self._condition(f"sweep.exclude.{number + 1}", [pattern], _excluded)
        for number, where in enumerate(self.sweep.where):
            name = f"sweep.where.{number + 1}"
            if where.if_ and where.then:
                yield self._condition(name, [where.if_, where.then], _implied)
            if where.different:
                asked = [{axis: () for axis in where.different}]
                yield self._condition(name, asked, _different)

    def _condition(
        self,
        name: str,
        patterns: Sequence[Pattern],
        holds: Callable[[Sequence[Pattern], Mapping[str, Any]], bool],
    ) -> Condition:
        axes = list(dict.fromkeys(axis for pattern in patterns for axis in pattern))
        variables = list(dict.fromkeys(self.variable[axis] for axis in axes))

        def on(*numbers: int) -> bool:
            found: dict[str, Any] = {}
            for variable, number in zip(variables, numbers, strict=True):
                ways = dict(self.variables[variable][number].ways)
                found |= {a: batch_values.value(self.document, ways[a]) for a in axes if a in ways}
            return holds(patterns, found)

        return Condition(name, tuple(variables), on)

    def _drawn(
        self, plan: Plan, random: Random, notes: list[str]
    ) -> tuple[tuple[int, int], ...] | None:
        """Return which pieces are taken; None means all."""
        sample = self.sweep.sample
        quotas = [w for w in self.sweep.where if w.at_most is not None]
        if not sample and not quotas:
            return None
        ends = list(accumulate(len(plan.seeds_of(one)) for one in plan.combinations))
        total = ends[-1]
        wanted = sample.count if sample else total
        had: list[Counter[str]] = [Counter() for _ in quotas]
        taken: list[tuple[int, int]] = []
        for place in _by_chance(total, wanted, random):
            number = bisect_right(ends, place)
            seed = place - (ends[number - 1] if number else 0)
            one = plan.combinations[number]
            values = plan.inputs(Piece(one, plan.seeds_of(one)[seed])) if quotas else {}
            marks = [str([values.get(axis) for axis in quota.of or ()]) for quota in quotas]
            if all(had[i][marks[i]] < (quota.at_most or 0) for i, quota in enumerate(quotas)):
                taken.append((number, seed))
                for i, mark in enumerate(marks):
                    had[i][mark] += 1
            if len(taken) == wanted:
                break
        if sample and len(taken) < wanted:
            can = counted(len(taken), "piece")
            notes.append(f"sample asks for {wanted}, and {can} can be had.")
        return tuple(sorted(taken))

    def _too_many(self, size: int, seeds: int) -> None:
        by = " x ".join(f"{name} {len(o)}" for name, o in self.variables.items())
        by += f" x seeds {seeds}" if seeds > 1 else ""
        say = f"{size * seeds:,} pieces ({by}): expected at most {MOST_PIECES:,}."
        self.complain(("sweep",), say, "Draw some of them with sample: 1000, or sweep less.")
        self.stop()

    def _nothing_left(self, domains: Mapping[str, int], conditions: Sequence[Condition]) -> None:
        if candidates_sweep.size(domains) > MOST_PIECES:
            self.complain(("sweep",), "no combination that keeps to where and exclude was found by "
                          "chance: they leave almost nothing.", "Loosen them.")  # fmt: skip
            self.stop()
        blamed = candidates_sweep.to_blame(domains, conditions)
        for one in blamed:
            others = [c.name for c in blamed if c is not one]
            say = "leaves no combination at all" if not others else (
                f"leaves no combination together with {' and '.join(others)}"
            )  # fmt: skip
            kind, number = one.name.split(".")[1:]
            self.complain(("sweep", kind, int(number) - 1), f"{say}.", "Loosen it.")
        self.stop()


def _by_chance(total: int, wanted: int, random: Random) -> Iterator[int]:
    """Yield numbers below a total, each once, in an order by chance."""
    if total <= MOST_PIECES:
        yield from random.sample(range(total), total)
        return
    seen: set[int] = set()
    for _ in range(candidates_sweep.TRIES * wanted):
        place = random.randrange(total)
        if place not in seen:
            seen.add(place)
            yield place


def _holds(pattern: Pattern, found: Mapping[str, Any]) -> bool:
    return all(batch_values.matches(axis, found[axis], wanted) for axis, wanted in pattern.items())


def _excluded(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found)


def _implied(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found) or _holds(patterns[1], found)


def _different(_: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    values = [batch_values.text(value) for value in found.values()]
    return len(set(values)) == len(values)
