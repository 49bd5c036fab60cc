"""A setting that follows a plan, stretch by stretch: each is set, and then bettered.

What stands around a stretch is known, what repeats it is looked at where it meets its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from cspcomposer import candidates
from cspcomposer.compose_setting import KEPT, LEAST, MARGINS, Watcher, watched
from cspcomposer.facts_excerpt import Excerpt, Known, Piece, Told
from cspcomposer.posed import SHOWN
from cspcomposer.search import OPTIONS, Effort, Ending, Progress, search
from cspcomposer.solver import Answer, Outcome, Solver, Source

# So many slots are set at once.
STRETCH = 32
# Of limited seconds so much goes into the first complete setting.
FIRST = 0.5
# So many conflicts a slot are met on the way to the first complete setting.
QUICK = 6
# So far from the ends of their compass, in base-40 steps, inner voices stay on that way.
EASE = 12
# What stands is taken up again for so many a slot at least: grounding it takes as long as they do.
AGAIN = 20
# So many to find any at all.
FAR = 40_000


@dataclass
class Work:
    """What is searched, and what has been found.

    Attributes:
        piece: The piece in stretches.
        options: The chords that are possible.
        taste: What a prior and chance charge for them.
        rules: The texts that are the same for every stretch.
        always: What the prior says besides chords.
        known: What has been set.
        costs: Of each stretch.
        spent: Conflicts met so far.
        grounding: Seconds spent grounding.
    """

    piece: Piece
    options: candidates.Options
    taste: candidates.Taste
    rules: Sequence[Source]
    always: Told
    chords: dict[int | None, Told] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    costs: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    spent: int = 0
    grounding: float = 0.0

    def worth(self, core: tuple[int, ...]) -> tuple[float, ...]:
        """Return how much there is to better in a stretch: strong faults, then mild by the slot."""
        *strong, mild = self.costs.get(core) or (0,)
        return (sum(strong), mild / len(core))

    def sources(self, excerpt: Excerpt, margin: int | None) -> list[Source]:
        """Return the program by which a stretch is set, or judged where nothing of it is open."""
        standing = self.piece.facts(excerpt, self.known)
        slots = excerpt.core or excerpt.shown
        charged = [self.always.at(slots), self.considered(margin).at(slots)]
        return [*self.rules, Source("given", standing), Source("prior", "\n".join(charged))]

    def count(self, ending: Ending) -> None:
        """Note what a search took."""
        self.spent += ending.conflicts
        self.grounding += ending.grounding

    def considered(self, margin: int | None) -> Told:
        """Return the chords to look at, as facts by their times."""
        if margin not in self.chords:
            likely = candidates.considered(self.options, self.taste, margin)
            self.chords[margin] = Told(candidates.stated(likely, self.options, self.taste))
        return self.chords[margin]


class Impossible(Exception):
    """A stretch cannot be set.

    Attributes:
        core: Its slots, in ticks.
    """

    def __init__(self, core: Sequence[int], *, proven: bool) -> None:
        super().__init__()
        self.core, self.proven = tuple(core), proven


class Clock:
    """How much of an effort each stretch gets."""

    def __init__(self, limit: Effort, begin: float) -> None:
        self._limit, self._begin = limit, begin

    @property
    def left(self) -> float | None:
        """Seconds that are left, or None."""
        if self._limit.seconds is None:
            return None
        # The surface and the last check want some of it.
        return max(0.0, 0.8 * self._limit.seconds - (time.monotonic() - self._begin))

    def first(self, slots: int, stretches: int) -> Effort:
        """Return the effort for a stretch on the way to the first complete setting."""
        left = self.left
        seconds = None if left is None else max(LEAST, FIRST * left / stretches)
        return Effort(QUICK * slots, seconds)

    def later(self, slots: int, all_slots: int, spent: int) -> Effort | None:
        """Return the effort for making a stretch better; None when there is none left."""
        left = self.left
        if left is not None:
            return Effort(None, max(LEAST, left * slots / all_slots)) if left > LEAST else None
        rest, least = (self._limit.conflicts or 0) - spent, AGAIN * slots
        return Effort(max(least, rest * slots // all_slots)) if rest >= least else None


def stretches(piece: Piece, own: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the slots that are set together: whole phrases, as many as are not too long."""
    chosen = set(own)
    plan = piece.outline.plan
    assert plan
    ends = [phrase.end for phrase in plan.phrases]
    held: list[int] = []
    phrase: list[int] = []
    index = 0
    for slot in piece.slots:
        while piece.time(slot) >= ends[index]:
            index += 1
            if len(held) + len(phrase) > STRETCH and held:
                yield tuple(held)
                held = []
            held += phrase
            phrase = []
        if slot in chosen:
            phrase.append(slot)
    if len(held) + len(phrase) > STRETCH and held:
        yield tuple(held)
        held = []
    if held or phrase:
        yield tuple(held + phrase)


def composed(
    solver: Solver,
    work: Work,
    core: tuple[int, ...],
    effort: Effort,
    seed: int,
    *,
    before: Sequence[tuple[int, ...]],
) -> bool:
    """Set a stretch; if it cannot be set, it and the one before it anew. Return if interrupted."""
    try:
        return _stretch(solver, work, core, effort, seed)
    except Impossible as failed:
        if not before or not failed.proven:
            raise
    work.known.forget(before[-1])
    work.costs.pop(before[-1], None)
    both = tuple(sorted({*before[-1], *core}))
    more = replace(effort, conflicts=2 * effort.conflicts if effort.conflicts else None)
    try:
        return _stretch(solver, work, both, more, seed)
    except Impossible as failed:
        raise Impossible(core, proven=failed.proven) from None


def _stretch(solver: Solver, work: Work, core: tuple[int, ...], effort: Effort, seed: int) -> bool:
    """Set a stretch with the first chords among which there is a way. Return if interrupted."""
    excerpt = work.piece.excerpt(core, work.known)
    proven = False
    for margin in MARGINS:
        sources = work.sources(excerpt, margin)
        if margin == MARGINS[0]:
            sources.append(Source("ease", f"at_ease({EASE})."))
        ending, interrupted = watched(_at_once(solver, sources, effort, seed), None)
        work.count(ending)
        if ending.best:
            work.piece.learn(excerpt, ending.best, work.known)
            work.costs[core] = ending.best.cost
            return interrupted
        proven = ending.impossible
        if not proven:
            break
    raise Impossible(core, proven=proven)


def _at_once(
    solver: Solver, sources: Sequence[Source], effort: Effort, seed: int
) -> Iterator[Progress | Ending]:
    """Yield better and better answers of a program for a short while, then the ending.

    The whole is bettered at once: strong faults go sooner than they do window by window.
    """
    begin = time.monotonic()
    shown = [f"{name}/{arity}" for name, arity in SHOWN.items()]
    solver.ground(sources, options=(*OPTIONS, f"--seed={seed}"), show=shown)
    grounding = time.monotonic() - begin
    best: Answer | None = None
    outcome = Outcome(None, False, (), (), 0)
    for step in solver.solve(show=list(SHOWN), conflicts=effort.conflicts, seconds=effort.seconds):
        if isinstance(step, Answer):
            best = step
            yield Progress(step, time.monotonic() - begin)
        else:
            outcome = step
    if best is None and outcome.satisfiable is None:
        # There was no time for any: the first one there is will do.
        for step in solver.solve(show=list(SHOWN), conflicts=FAR, answers=1):
            if isinstance(step, Answer):
                best = step
    yield Ending(
        best, best is not None and outcome.exhausted, outcome.satisfiable is False,
        outcome.conflicts, grounding, time.monotonic() - begin,
    )  # fmt: skip


def bettered(
    solver: Solver,
    work: Work,
    clock: Clock,
    seed: int,
    watch: Watcher | None,
    begin: float,
) -> bool:
    """Better each stretch among its neighbours while there is effort left, the worst ones first."""
    rest = sum(map(len, work.costs))
    for core in sorted(work.costs, key=work.worth, reverse=True):
        effort = clock.later(len(core), rest, work.spent)
        rest -= len(core)
        if effort is None:
            return False
        excerpt = work.piece.excerpt(core, work.known)
        stood = work.piece.decisions(excerpt, work.known.answer((), 0.0))
        steps = search(
            solver, work.sources(excerpt, MARGINS[1]), show=SHOWN, effort=effort, seed=seed,
            decisions=partial(work.piece.decisions, excerpt), keep=KEPT,
            begin=[(choice.atom, True) for choice in stood],
        )  # fmt: skip
        tell = partial(_complete, work, watch, begin, excerpt, []) if watch else None
        ending, interrupted = watched(steps, tell)
        work.count(ending)
        # The first answer is what stood, and what it costs beside all its neighbours.
        if ending.best:
            work.piece.learn(excerpt, ending.best, work.known)
            work.costs[core] = ending.best.cost
        if interrupted:
            return True
    return False


def answer(work: Work, begin: float) -> Answer:
    """Return the setting; a piece of several stretches costs as much as they do together."""
    cost = summed(work.costs.values())
    return work.piece.whole(work.known).answer(cost, time.monotonic() - begin)


def summed(costs: Collection[tuple[int, ...]]) -> tuple[int, ...]:
    """Return what stretches cost together, level by level; the lowest levels stand last."""
    levels = max(map(len, costs), default=0)
    padded = [(0,) * (levels - len(cost)) + cost for cost in costs]
    return tuple(map(sum, zip(*padded, strict=True))) if padded else ()


def _complete(
    work: Work,
    watch: Watcher,
    begin: float,
    excerpt: Excerpt,
    stood: list[Progress],
    progress: Progress,
) -> None:
    """Tell of the piece with a better stretch; the first answer is what stood there."""
    if not stood:
        stood.append(progress)
        return
    known = Known(dict(work.known.harmony), dict(work.known.inversion), dict(work.known.pitch))
    work.piece.learn(excerpt, progress.answer, known)
    costs = work.costs | {excerpt.core: progress.answer.cost}
    answer = work.piece.whole(known).answer(summed(costs.values()), time.monotonic() - begin)
    watch(Progress(answer, time.monotonic() - begin))
