"""Long pieces, a stretch at a time: what a stretch costs to search does not hang on the piece.

Each stretch is composed with a few moments before it, which stand, and a few after it, which will
be composed again. Then the seams are searched between what stands on both sides. At last the whole
piece is judged by all rules; what no stretch could see is told by that. Knows no rule.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cspcomposer import facts, facts_slice
from cspcomposer.facts import Outline
from cspcomposer.patience import Late, never
from cspcomposer.score import measure_at
from cspcomposer.search import Assumption, Effort, Ending, Progress, search
from cspcomposer.solver import Answer, Decision, Solver, Source

# Slots: of a stretch, of what stands before it, of what is looked at ahead, and from how many on a
# piece is composed in stretches.
LENGTH, BEFORE, AHEAD = 24, 4, 4
LEAST = 96
# Of the effort: for the first time, and for the seams. With less of it the first time leaves strong
# faults, which take longer to mend.
FIRST, SEAMS = 2 / 3, 1 / 3
# However small the effort, so many conflicts are met to compose a stretch.
ENOUGH = 1000
# No chord is looked at but those that stand.
NONE = -1
# So far a stretch may be from that length to end where a phrase does.
_GIVE = 5


@dataclass(frozen=True)
class Piece:
    """A piece to be composed in stretches.

    Attributes:
        plan: The outline.
        slices: What is told of it, to be cut by time.
        rules: The texts by which a stretch is composed.
        chords: Returns the chords to look at, as facts, given what stands or stood at some slots,
            all slots that are told of, and a margin.
        margins: How much dearer than the best a chord may seem and still be looked at: first, and
            where that does not do.
        judged: The texts by which a whole piece is judged.
    """

    plan: Outline
    slices: facts_slice.Slices
    rules: Sequence[Source]
    chords: Callable[[Mapping[int, str], Sequence[int], int | None], str]
    margins: Sequence[int | None]
    judged: Sequence[Source]


def long(plan: Outline) -> bool:
    """Return whether a piece is better composed in stretches."""
    return len(plan.slots) >= LEAST


class _Run:
    """The choices made so far."""

    def __init__(
        self, solver: Solver, piece: Piece, show: Mapping[str, int], effort: Effort, seed: int
    ) -> None:
        self._solver, self._piece, self._show = solver, piece, show
        self._effort, self._seed, self.begin = effort, seed, time.monotonic()
        ticking = facts.clock(piece.plan)
        self.slots = [ticking.ticks(slot) for slot in piece.plan.slots]
        self.chosen: dict[int, list[Decision]] = {}
        self.conflicts, self.grounding = 0, 0.0
        self.impossible = False
        self.further = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self.begin

    @property
    def late(self) -> bool:
        """Whether the time is over, if it is limited."""
        seconds = self._effort.seconds
        return seconds is not None and self.elapsed >= seconds

    def composed(self, first: int, last: int, until: int, share: float) -> bool:
        """Compose the slots from one to before another, as far as it is looked ahead from there.

        Args:
            first: Where what is open begins.
            last: Where it ends, or is looked ahead to.
            until: What is told of the piece ends here.
            share: The part of the effort that it may take.
        """
        told = range(max(0, first - BEFORE), until)
        opened = range(first, last)
        stands = {n: self.chosen[n] for n in told if n in self.chosen and n not in opened}
        before = {n: self.chosen[n] for n in opened if n in self.chosen}
        if len(before) < len(opened):
            before = {}
        best: Answer | None = None
        for margin in self._piece.margins[self.further :]:
            ending = self._searched(told, opened, (stands, before), margin, share)
            best, self.impossible = ending.best, ending.impossible
            if best or before or not ending.impossible:
                break
        if best is None:
            return False
        fresh: dict[int, list[Decision]] = {n: [] for n in opened}
        for decision in facts.decisions(self._piece.plan, best):
            if decision.place in fresh:
                fresh[decision.place].append(decision)
        self.chosen |= fresh
        return True

    def _searched(
        self,
        told: range,
        opened: range,
        known: tuple[Mapping[int, Sequence[Decision]], Mapping[int, Sequence[Decision]]],
        margin: int | None,
        share: float,
    ) -> Ending:
        stands, before = known
        slots = [self.slots[n] for n in told]
        end = self.slots[told.stop] if told.stop < len(self.slots) else 1 << 30
        earlier = [t for t in self._piece.slices.onsets if slots[0] <= t < self.slots[opened.start]]
        chords = self._chords({**stands, **before})
        texts = [
            Source("given", self._piece.slices.between(slots[0], end)),
            Source("chords", self._piece.chords(chords, slots, margin)),
            Source("stands", facts_slice.settled(earlier)),
        ]

        def reader(answer: Answer) -> list[Decision]:
            return [
                replace(d, place=d.place - opened.start)
                for d in facts.decisions(self._piece.plan, answer)
                if d.place in opened
            ]

        ending = Ending(None, False, False, 0, 0.0, 0.0)
        for step in search(
            self._solver, [*self._piece.rules, *texts], show=self._show, decisions=reader,
            effort=self._share(share, 1 if before else ENOUGH), seed=self._seed,
            settled=_assumed(stands), begin=_assumed(before),
        ):  # fmt: skip
            if isinstance(step, Ending):
                ending = step
        self.conflicts += ending.conflicts
        self.grounding += ending.grounding
        return ending

    def _chords(self, chosen: Mapping[int, Sequence[Decision]]) -> dict[int, str]:
        """Return by slot, in ticks, the chord chosen there."""
        return {
            self.slots[n]: str(d.atom.arguments[1])
            for n, several in chosen.items() for d in several if d.lane == "harmony"
        }  # fmt: skip

    def _share(self, share: float, least: int) -> Effort:
        limit, seconds = self._effort.conflicts, self._effort.seconds
        return replace(
            self._effort,
            conflicts=None if limit is None else max(least, round(share * limit)),
            seconds=None if seconds is None else max(0.1, share * seconds),
        )

    def judged(self) -> Answer | None:
        """Return the whole piece with what it costs; None if it breaks a hard rule."""
        chosen = {self.slots[n]: several for n, several in self.chosen.items()}
        texts = [
            Source("given", self._piece.slices.whole),
            Source("chords", self._piece.chords(self._chords(self.chosen), self.slots, NONE)),
            Source("settings", facts_slice.only(chosen)),
        ]
        signatures = [f"{name}/{arity}" for name, arity in self._show.items()]
        self._solver.ground([*self._piece.judged, *texts], show=signatures)
        found: Answer | None = None
        for step in self._solver.solve(show=list(self._show), answers=1):
            if isinstance(step, Answer):
                found = step
        return found


def composed(
    solver: Solver,
    piece: Piece,
    *,
    show: Mapping[str, int],
    effort: Effort,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
    late: Late = never,
) -> Iterator[Progress | Ending]:
    """Yield a long piece, then a better one, then the ending; without a best if none was found.

    Args:
        solver: Where to solve.
        piece: What is to be composed.
        show: Names of the atoms wanted, and their arities.
        effort: How long.
        seed: For the solver's own choices.
        tell: Called with how far it has come.
        late: Whether the time is over, however much of the effort is left.
    """
    run = _Run(solver, piece, show, effort, seed)
    score = piece.plan.score
    count = len(run.slots)
    ends = _ends(piece.plan, count)
    best: Answer | None = None
    first = 0
    for place, end in enumerate(ends):
        if late():
            yield Ending(None, False, False, run.conflicts, run.grounding, run.elapsed)
            return
        last = min(end + AHEAD, count)
        share = FIRST * (end - first) / count
        if not run.composed(first, last, last, share):
            # What stands before may be what is in the way.
            back = ends[place - 2] if place > 1 else 0
            if not place or not run.composed(back, last, last, share):
                yield Ending(None, False, run.impossible, run.conflicts, run.grounding, run.elapsed)
                return
        first = end
        if tell:
            bar = measure_at(score, piece.plan.slots[end - 1]).number
            tell(f"composed up to bar {bar} of {score.measures[-1].number}")
    best = run.judged()
    if best is not None:
        yield Progress(best, run.elapsed)
        # Strong faults may be for want of a chord that seemed too dear.
        run.further = int(any(best.cost[:-1]))
        for seam in ends[:-1]:
            if run.late or late():
                break
            begin, end = max(0, seam - LENGTH // 2), min(count, seam + LENGTH // 2)
            run.composed(begin, end, min(count, end + BEFORE), SEAMS / max(1, len(ends) - 1))
        better = run.judged()
        if better is not None and better.cost < best.cost:
            best = better
            yield Progress(best, run.elapsed)
    begun = () if best else tuple(d.atom for several in run.chosen.values() for d in several)
    yield Ending(best, False, False, run.conflicts, run.grounding, run.elapsed, begun=begun)


def _ends(plan: Outline, count: int) -> list[int]:
    """Return where stretches end: with a phrase, if one ends near."""
    after = sorted(bisect_right(plan.slots, end) for end in plan.score.phrase_ends)
    ends: list[int] = []
    at = LENGTH
    while at + LENGTH // 2 < count:
        near = after[bisect_left(after, at - _GIVE) : bisect_right(after, at + _GIVE)]
        ends.append(min(near, key=lambda n: abs(n - at)) if near else at)
        at = ends[-1] + LENGTH
    return [*ends, count]


def _assumed(several: Mapping[int, Sequence[Decision]]) -> list[Assumption]:
    return [(d.atom, True) for decisions in several.values() for d in decisions]
