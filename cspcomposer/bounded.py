"""Searching with bounds: near-optimal at once, and proven where that is possible.

Tables tell what a piece costs at least, and which settings, chords with their notes, lie near the
best; clingo decides among these, with all rules, and the margin grows until nothing that was left
out can be better. Knows no rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from cspcomposer import candidates, facts, solver
from cspcomposer.bounds import Bounds, Sweeps
from cspcomposer.candidates import Options, Taste
from cspcomposer.facts import Outline
from cspcomposer.facts_window import ORIGIN, Moments, parsed
from cspcomposer.lattice import NEVER, Lattice, Tariff
from cspcomposer.rulebook_moments import Excerpts, excerpts
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import Effort, Ending, Progress, below, options
from cspcomposer.shelf import Shelf
from cspcomposer.solver import Answer, Outcome, Solver, Source, Term
from cspcomposer.tables import Fault

# What a strong fault costs beside mild ones.
STRONG = 1_000_000
# How much dearer than the best may be what is looked at: by tables, two slots at a time, to begin
# with and at most; and then by clingo.
MARGIN, WIDEST, STEP = 40, 160, 20
NEAR = (0, 10, 25, 50)
# States looked at closely in each slot, on the average, from which on wider takes very long.
HEAVY = 300
# Conflicts a slot for a piece that is wanted soon.
SOON = 20
_SINGS = {"singable": 3}


@dataclass(frozen=True)
class Problem:
    """What is to be composed, and what it costs.

    Attributes:
        plan: The outline.
        given: It as facts.
        options: The chords there are.
        taste: What a prior and chance charge for them.
        charged: Facts of the prior and of chance that charge for notes.
        program: Returns the texts of a task: what is chosen, and the policy.
        rules: The texts by which settings are chosen.
        severities: By rule.
        weights: By mild rule, if it is not 10.
    """

    plan: Outline
    given: str
    options: Options
    taste: Taste
    charged: str
    program: Callable[..., list[Source]]
    rules: Sequence[Source]
    severities: Mapping[str, str]
    weights: Mapping[str, int]


def fits(plan: Outline) -> bool:
    """Return whether tables can be made for a piece: nothing in it hangs on what is given."""
    return len(plan.slots) > 2 and not plan.figures and any(plan.free.values())


def search(
    asked: Solver,
    problem: Problem,
    *,
    show: Mapping[str, int],
    effort: Effort,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Progress | Ending]:
    """Yield better and better answers, then the ending; nothing is yielded if tables find none.

    Args:
        asked: Where to solve.
        problem: What is to be composed.
        show: Names of the atoms wanted, and their arities.
        effort: How long.
        seed: For the solver's own choices.
        tell: Called with what is being done, whenever a table must be made.
    """
    begin = time.monotonic()
    moments, pitches = told(problem)
    lattice = tabled(asked, problem, moments, pitches, tell)
    run = _Run(asked, problem, show, effort, seed, begin)
    sweeps, margin = Sweeps(lattice), MARGIN
    soon = sweeps.soon(margin)
    if soon:
        settings = _Settings(problem, moments, lattice, soon, pitches)
        yield from run.among(settings, NEAR[1], conflicts=SOON * len(moments.slots))
    while not run.done and margin <= WIDEST and run.worth(sweeps):
        found = sweeps.bounds(margin, run.late)
        if found is None:
            break
        settings = _Settings(problem, moments, lattice, found, pitches)
        for near in NEAR:
            # Where what was cut off may cost less than what comes next, rather look wider.
            wider = _wider(run, found, margin)
            if run.done or (near > NEAR[1] and run.bound >= found.cut and wider <= WIDEST):
                break
            yield from run.among(settings, max(0, min(near, run.cost - found.best - 1)))
        margin = _wider(run, found, margin)
    if run.best is not None:
        yield run.ending()


def told(problem: Problem) -> tuple[Moments, dict[str, list[int]]]:
    """Return a piece as it is looked at through windows, and what each voice may sing in it."""
    moments = Moments(problem.plan, problem.options.prices)
    return moments, _pitches(problem, moments)


def tabled(
    asked: Solver,
    problem: Problem,
    moments: Moments,
    pitches: Mapping[str, Sequence[int]],
    tell: Callable[[str], None] | None = None,
) -> Lattice:
    """Return what tables say of a piece; those that are missing are compiled."""
    found = excerpts(problem.program(["moment"], "enforce"))
    shelf = Shelf(asked, _usable(found), pitches, tell)
    pairs = shelf.pairs(moments)
    return Lattice(moments, shelf.windows(moments, pairs), pairs, _tariff(problem, moments))


def _wider(run: _Run, found: Bounds, margin: int) -> int:
    """Return as far as the best answer is from the best of two slots, but not in small steps."""
    return 2 * margin if run.best is None else max(margin + STEP, run.cost - found.two)


class _Run:
    """What has been found of a piece so far.

    Attributes:
        best: The best answer.
        bound: What every answer costs at least, strong faults and all else in one number.
        done: Whether there is nothing more to be found, or no time.
    """

    def __init__(
        self,
        asked: Solver,
        problem: Problem,
        show: Mapping[str, int],
        effort: Effort,
        seed: int,
        begin: float,
    ) -> None:
        self._asked, self._problem, self._show = asked, problem, show
        self._effort, self._seed, self._begin = effort, seed, begin
        self._conflicts, self._grounding = 0, 0.0
        self.best: Answer | None = None
        self.bound = 0
        self.done = False

    @property
    def cost(self) -> int:
        """What the best answer costs, strong faults and all else in one number."""
        return NEVER if self.best is None else _total(self.best)

    def worth(self, sweeps: Sweeps) -> bool:
        """Return whether to look wider: not where that takes very long, or the time is over."""
        return sweeps.states <= HEAVY and not self.late()

    def late(self) -> bool:
        """Return whether the time is over, if it is limited and there is something to show."""
        seconds = self._effort.seconds
        return self.best is not None and seconds is not None and self._elapsed >= seconds

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begin

    def among(
        self, settings: _Settings, margin: int, conflicts: int | None = None
    ) -> Iterator[Progress]:
        """Yield better answers among the settings within a margin of the least cost.

        Args:
            settings: What there is to choose from.
            margin: How much dearer than the best it may be.
            conflicts: For a while only, after which there is more to be found.
        """
        begin = time.monotonic()
        shown = [f"{name}/{arity}" for name, arity in self._show.items()]
        self._asked.ground(
            [*self._problem.rules, *settings.sources(margin)],
            options=options(self._effort, self._seed),
            show=shown,
        )
        self._grounding += time.monotonic() - begin
        found = settings.found
        if self.best is None:
            yield from self._solved(assume=settings.path)
        if self._proven(found, found.best):
            return
        exhausted = yield from self._solved(conflicts=conflicts)
        if exhausted:
            self._proven(found, found.best + margin + 1)
        else:
            self.done = conflicts is None

    def _proven(self, found: Bounds, left_out: int) -> bool:
        """Note what is known of all that was left out; return whether it cannot be better."""
        self.bound = max(self.bound, min(self.cost, left_out, found.cut))
        self.done = self.cost <= self.bound
        return self.done

    def _solved(
        self, assume: Sequence[tuple[Term, bool]] = (), conflicts: int | None = None
    ) -> Generator[Progress, None, bool]:
        limit, seconds = self._effort.conflicts, self._effort.seconds
        left = None if limit is None else max(1, limit - self._conflicts)
        few = [n for n in (left, conflicts) if n is not None]
        outcome: Outcome | None = None
        for step in self._asked.solve(
            show=list(self._show),
            assume=assume,
            conflicts=min(few, default=None),
            seconds=None if seconds is None else max(0.1, seconds - self._elapsed),
            at_most=None if self.best is None else below(self.best.cost),
        ):
            if isinstance(step, Outcome):
                outcome = step
            elif self.best is None or step.cost < self.best.cost:
                self.best = step
                yield Progress(step, self._elapsed, _parts(self.bound, step))
        assert outcome is not None
        self._conflicts += outcome.conflicts
        return outcome.exhausted

    def ending(self) -> Ending:
        """Return how it ended."""
        assert self.best is not None
        optimal = self.cost <= self.bound
        return Ending(
            self.best, optimal, False, self._conflicts, self._grounding, self._elapsed,
            _parts(self.bound, self.best),
        )  # fmt: skip


def _total(answer: Answer) -> int:
    strong, mild = (0, *answer.cost)[-2:]
    return strong * STRONG + mild


def _parts(bound: int, answer: Answer) -> tuple[int, ...]:
    """Return a bound in the parts that an answer's cost has."""
    return divmod(bound, STRONG)[2 - len(answer.cost) :]


class _Settings:
    """The settings that are near the best, as facts.

    Attributes:
        found: The bounds.
        path: Assumptions: a piece of the least cost that tables know of.
    """

    def __init__(
        self,
        problem: Problem,
        moments: Moments,
        lattice: Lattice,
        found: Bounds,
        pitches: Mapping[str, Sequence[int]],
    ) -> None:
        self._problem, self._moments, self._lattice = problem, moments, lattice
        self._pitches, self.found = pitches, found
        self.path = [
            (Term("setting", (slot, place)), True)
            for slot, place in zip(moments.slots, found.path, strict=True)
        ]

    def sources(self, margin: int) -> list[Source]:
        """Return the piece, and the settings within a margin of the least cost."""
        offered: list[set[int]] = [set() for _ in self._moments.slots]
        lines = []
        for number, near in enumerate(self.found.near(margin)):
            slot = self._moments.slots[number]
            rows, columns = (places[near].tolist() for places in self.found.edges[number])
            offered[number].update(rows)
            offered[number + 1].update(columns)
            lines += [f"linked({slot},{i},{j})." for i, j in zip(rows, columns, strict=True)]
        kept: dict[int, dict[str, int]] = {}
        for number, places in enumerate(offered):
            slot = self._moments.slots[number]
            names = kept.setdefault(slot, {})
            for place in sorted(places):
                chord, notes = self._setting(number, place)
                names[chord] = 0
                lines.append(f'offered({slot},{place},"{chord}").')
                lines += [f"offered_pitch({slot},{place},{v},{p})." for v, p in notes]
        chords = candidates.stated(kept, self._problem.options, self._problem.taste)
        return [
            Source("given", self._problem.given),
            Source("prior", f"{self._problem.charged}\n{chords}"),
            Source("settings", "\n".join(lines)),
        ]

    def _setting(self, number: int, place: int) -> tuple[str, list[tuple[str, int]]]:
        slot = self._lattice.slots[number]
        chord, *notes = slot.states[self.found.states[number][place]].tolist()
        sung = zip(slot.voices, notes, strict=True)
        return (
            self._moments.chords[self._moments.slots[number]][chord],
            [(voice, self._pitches[voice][note]) for voice, note in sung],
        )


def _usable(found: Excerpts) -> Excerpts:
    """Return the excerpts without those that look at single given notes."""
    return replace(
        found, rules=tuple(e for e in found.rules if not e.looks_at & {"given", "figured"})
    )


def _pitches(problem: Problem, moments: Moments) -> dict[str, list[int]]:
    """Return what each voice may sing anywhere, and what it is given."""
    texts = sliced(problem.program(["moment"], "enforce"), list(_SINGS.items()))
    seen: set[str] = set()
    out: dict[str, set[int]] = {voice: set() for voice in moments.voices}
    for number in range(len(moments.slots)):
        window = moments.window(number, 1)
        here = window.slots[0]
        key = [f for f in window.facts["key"].splitlines() if f.startswith(f"key({here},")]
        if key[0] in seen:
            continue
        seen.add(key[0])
        told = [*key, window.facts["voice"], window.facts.get("own_compass", ""), f"slot({here})."]
        told += [f'possible({here},"{chord}").' for chord in window.chords[here]]
        told += [f"free({voice},{here})." for voice in moments.voices]
        for atom in solver.consequences([*texts, Source("key", "\n".join(told))], show=_SINGS)[0]:
            out[str(atom.arguments[0])].add(atom.arguments[2])
    for (voice, _), pitch in moments.given.items():
        out[voice].add(pitch)
    return {voice: sorted(pitches) for voice, pitches in out.items()}


def _tariff(problem: Problem, moments: Moments) -> Tariff:
    """Return the prices of faults and of what preferences charge for."""
    by_severity = {"hard": NEVER, "strong": STRONG}
    prices = {
        rule: by_severity.get(word, problem.weights.get(rule, 10) if word == "mild" else 0)
        for rule, word in problem.severities.items()
    }
    ticks = facts.clock(problem.plan).ticks
    excused = {(rule, ticks(moment)) for rule, moment, _ in problem.plan.excused}
    charged: dict[tuple[str, tuple[Any, ...]], int] = {}
    for name, arguments in parsed(problem.charged):
        charged[name, tuple(arguments[:-1])] = int(arguments[-1])
    for (slot, chord), cost in problem.taste.chords.items():
        charged["preferred_harmony", (slot, chord)] = cost
    for before, after in pairwise(moments.slots):
        rows, columns = moments.chords[before], moments.chords[after]
        costs = problem.taste.moves((before, after), rows, columns)
        if costs is not None:
            for row, several in zip(rows, costs.tolist(), strict=True):
                for column, cost in zip(columns, several, strict=True):
                    charged["preferred_move", (after, row, column)] = cost

    def fault(first: int, found: Fault) -> int:
        moment = moments.slots[first] + found.time - ORIGIN
        return 0 if (found.rule, moment) in excused else prices.get(found.rule, 0)

    return Tariff(fault, lambda name, said: charged.get((name, said), 0))
