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

from cspcomposer import candidates, facts, rulebook, solver
from cspcomposer.bounds import CLOSE, REACH, Bounds, Sweeps
from cspcomposer.candidates import Options, Taste
from cspcomposer.facts import Outline
from cspcomposer.facts_window import ORIGIN, Moments, parsed
from cspcomposer.lattice import NEVER, Lattice, Tariff
from cspcomposer.rulebook_moments import Excerpts, excerpts
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import OPTIONS, Assumption, Effort, Ending, Progress, below, options
from cspcomposer.shelf import Shelf
from cspcomposer.solver import Answer, Outcome, Solver, Source, Term
from cspcomposer.tables import Fault

# What a strong fault costs beside mild ones.
STRONG = 1_000_000
# How much dearer than the best may be what tables look at: for a piece that is wanted soon; then to
# begin with, and how much more each time, for what is known of less makes looking at more quicker.
SOON_WITHIN, STEPS = 40, (5, 20)
# And what clingo looks at.
NEAR = (CLOSE // 2, CLOSE)
# Where many small charges add up, a bound is found by cores, and what is best by models.
BOUNDING = ("--configuration=handy", "--opt-strategy=usc,oll")
BEST = ("--opt-strategy=bb,lin",)
# States looked at closely in each slot, on the average, from which on wider takes very long.
HEAVY = 300
# Conflicts a slot for a piece that is wanted soon.
SOON = 200
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
        bounding: Those by which they are bounded.
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
    bounding: Sequence[Source]
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
    sweeps, margin = Sweeps(lattice), STEPS[0]
    found = sweeps.soon(SOON_WITHIN)
    if found:
        yield from run.near(_Settings(problem, moments, lattice, found, pitches), SOON)
    while found and not run.done and margin <= REACH and run.worth(sweeps):
        needed = run.cost - 1 - found.best
        margin = needed if needed <= margin + STEPS[1] // 2 else margin
        found = sweeps.bounds(found.best + margin, run.late)
        if found and not run.known(found):
            yield from run.near(_Settings(problem, moments, lattice, found, pitches))
        elif margin >= needed:
            break
        margin = margin + STEPS[1] if run.best else max(2 * margin, STEPS[1])
    if run.best is not None:
        run.bound = max(run.bound, min(run.cost, sweeps.least))
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
        # Whether the best answer is the best of what it was looked for in.
        self._content = False
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
        """Return whether the time is over, if it is limited; without an answer half of it is."""
        seconds = self._effort.seconds
        share = 1.0 if self.best else 0.5
        return seconds is not None and self._elapsed >= share * seconds

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begin

    def known(self, found: Bounds) -> bool:
        """Note what is bounded; return whether there is nothing to be looked for in it."""
        return self._proven(found, found.best) or (self._content and self.cost > found.cut)

    def near(self, settings: _Settings, conflicts: int | None = None) -> Iterator[Progress]:
        """Yield better answers among the settings, further and further from the least cost.

        Args:
            settings: What there is to choose from.
            conflicts: Stop after so many a slot, there being more to be found.
        """
        found = settings.found
        most = None if conflicts is None else conflicts * len(found.states)
        for near in NEAR:
            margin = min(near, self.cost - found.best - 1)
            if self._proven(found, found.best) or margin < 0:
                return
            sources = settings.sources(margin)
            guess, least = self._guessed(sources, margin, most)
            if self._proven(found, found.best + min(least, margin + 1)):
                return
            if least <= margin:
                yield from self._among(sources, guess, found, least, margin, most)
            if self.done or self.late() or (self.best and self.bound >= found.cut):
                return
        if self.best is None and not self.late():
            # What tables do not know of may make every piece far dearer than they tell.
            sources = settings.sources(margin, spared=False)
            yield from self._among(sources, [], found, 0, margin, most)

    def _guessed(
        self, sources: Sequence[Source], margin: int, conflicts: int | None
    ) -> tuple[list[Assumption], int]:
        """Return settings that cost least by what tables know and by what they cannot know.

        And how much dearer than the best that tables know of anything is, which is a lower bound:
        for what tables are not sure of nothing is charged.
        """
        self._ground([*self._problem.bounding, *sources], BOUNDING, ["setting/2"])
        guess, least = [], 0
        limits = self._limits(conflicts)
        for step in self._asked.solve(show=["setting"], at_most=[margin], **limits):
            if isinstance(step, Answer):
                guess, cost = [(atom, True) for atom in step.atoms], step.cost[-1]
                continue
            self._conflicts += step.conflicts
            if step.exhausted:
                least = cost if guess else NEVER
            elif step.bound:
                least = step.bound[-1]
        return guess, least

    def _among(
        self,
        sources: Sequence[Source],
        guess: Sequence[Assumption],
        found: Bounds,
        least: int,
        margin: int,
        conflicts: int | None,
    ) -> Iterator[Progress]:
        """Yield better answers among the settings within a margin, a guess first."""
        shown = [f"{name}/{arity}" for name, arity in self._show.items()]
        threads = options(self._effort, self._seed)[len(OPTIONS) :]
        self._ground([*self._problem.rules, *sources], (*BEST, *threads), shown)
        if guess:
            yield from self._solved(assume=guess)
        self._content = self.cost <= found.best + least
        if self._content:
            self._proven(found, found.best + margin + 1)
            return
        if (yield from self._solved(conflicts=conflicts)):
            self._proven(found, found.best + margin + 1)
        else:
            self.done = conflicts is None

    def _ground(
        self, sources: Sequence[Source], options: Sequence[str], show: Sequence[str]
    ) -> None:
        begin = time.monotonic()
        self._asked.ground(sources, options=options, show=show)
        self._grounding += time.monotonic() - begin

    def _proven(self, found: Bounds, left_out: int) -> bool:
        """Note what is known of all that was left out; return whether it cannot be better."""
        self.bound = max(self.bound, min(self.cost, left_out, found.cut))
        self.done = self.cost <= self.bound
        return self.done

    def _solved(
        self, assume: Sequence[tuple[Term, bool]] = (), conflicts: int | None = None
    ) -> Generator[Progress, None, bool]:
        outcome: Outcome | None = None
        for step in self._asked.solve(
            show=list(self._show),
            assume=assume,
            at_most=None if self.best is None else below(self.best.cost),
            **self._limits(conflicts),
        ):
            if isinstance(step, Outcome):
                outcome = step
            elif self.best is None or step.cost < self.best.cost:
                self.best = step
                yield Progress(step, self._elapsed, _parts(self.bound, step))
        assert outcome is not None
        self._conflicts += outcome.conflicts
        return outcome.exhausted

    def _limits(self, conflicts: int | None) -> dict[str, Any]:
        """Return how long may be searched at a time."""
        limit, seconds = self._effort.conflicts, self._effort.seconds
        left = None if limit is None else max(1, limit - self._conflicts)
        few = [n for n in (left, conflicts) if n is not None]
        return {
            "conflicts": min(few, default=None),
            "seconds": None if seconds is None else max(0.1, seconds - self._elapsed),
        }

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

    def sources(self, margin: int, *, spared: bool = True) -> list[Source]:
        """Return the piece, and the settings within a margin of the least cost.

        Args:
            margin: By how much settings may be dearer.
            spared: Whether all together may be no dearer either, rules that tables do not look at
                included.
        """
        offered: list[set[int]] = [set() for _ in self._moments.slots]
        lines = []
        for number, near in enumerate(self.found.near(margin)):
            slot = self._moments.slots[number]
            rows, columns = (places[near].tolist() for places in self.found.edges[number])
            offered[number].update(rows)
            offered[number + 1].update(columns)
            lines += [f"linked({slot},{i},{j})." for i, j in zip(rows, columns, strict=True)]
            if not number:
                begun = zip(rows, columns, self.found.beyond[0][near].tolist(), strict=True)
                lines += [f"begun({i},{j},{dearer})." for i, j, dearer in begun if dearer]
        kept: dict[int, dict[str, int]] = {}
        for number, places in enumerate(offered):
            slot = self._moments.slots[number]
            names = kept.setdefault(slot, {})
            for place in sorted(places):
                chord, notes = self._setting(number, place)
                names[chord] = 0
                lines.append(f'offered({slot},{place},"{chord}").')
                lines += [f"offered_pitch({slot},{place},{v},{p})." for v, p in notes]
        for number, i, j, k, dearer in self.found.rising(margin):
            lines.append(f"rising({self._moments.slots[number]},{i},{j},{k},{dearer}).")
        lines += [f"told({rule},{time})." for rule, time in sorted(self._lattice.looked_at)]
        chords = candidates.stated(kept, self._problem.options, self._problem.taste)
        return [
            Source("given", self._problem.given),
            Source("prior", f"{self._problem.charged}\n{chords}"),
            Source("settings", "\n".join(lines)),
            *([rulebook.policy("spare"), Source("spare", f"spare({margin}).")] if spared else []),
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
