"""Several answers to one specification: far enough apart, and each as good as asked.

Each answer is the cheapest that the search finds among those that keep their distance from all
before it; what keeping a distance means the rules say, see ``policy/apart.lp``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from cspcomposer import compose, stages
from cspcomposer.compose import Composition, Task
from cspcomposer.compose_setting import FINER, Found, Watcher
from cspcomposer.errors import OutOfTime, counted
from cspcomposer.facts_apart import apart, distance
from cspcomposer.many_wish import Cost, Wish, above, judged, shown, wished
from cspcomposer.search import Effort
from cspcomposer.solver import Solver
from cspcomposer.spec import By
from cspcomposer.specfile import LoadedSpec

Teller = Callable[[str], None]
_LEAST = 0.001


class _NoMore(Exception):
    """No further answer was found; says why, and what to ask for instead."""


@dataclass(frozen=True)
class Order:
    """Several answers that are asked for.

    Attributes:
        task: What each of them answers.
        wish: How many, and which.
    """

    task: Task
    wish: Wish


def compose_many(
    loaded: LoadedSpec,
    *,
    answers: int | None = None,
    distance: int | None = None,
    by: By | None = None,
    within: float | Fraction | str | None = None,
    seed: int | None = None,
    effort: Effort | None = None,
    watch: Watcher | None = None,
    tell: Teller | None = None,
) -> Iterator[Composition]:
    """Return answers that differ, each as soon as it is found.

    Args:
        loaded: The specification.
        answers: How many; this and the next three in place of the specification's.
        distance: In how many places any two differ at least.
        by: What is counted: "notes", "harmony" or "rhythm".
        within: How much dearer than the best one may be: "5%", or 0.05.
        seed: In place of the specification's.
        effort: In place of the specification's; its conflicts are for each answer, its seconds for
            all of them.
        watch: Called with every better answer while one is searched for.
        tell: Called with a sentence when there are fewer than asked for, and when one turns out too
            dear beside a later one, so that one more is looked for.

    Raises:
        BadInput: less than one answer, more distance than there is room for, and the like.
        BadSpec, BadRules, NoSolution, OutOfTime: as `compose`; of the first answer only.
    """
    asked = ordered(
        loaded, answers=answers, distance=distance, by=by, within=within, seed=seed, effort=effort
    )
    return composed(asked, watch, tell)


def ordered(
    loaded: LoadedSpec,
    *,
    answers: int | None = None,
    distance: int | None = None,
    by: By | None = None,
    within: float | Fraction | str | None = None,
    seed: int | None = None,
    effort: Effort | None = None,
) -> Order:
    """Return the answers that are asked for, looked up: arguments and errors as `compose_many`."""
    task = compose.task(loaded, seed=seed, effort=effort)
    plan = stages.outline(loaded, task.scores)
    wish = wished(loaded, plan, answers=answers, distance=distance, by=by, within=within)
    return Order(task, wish)


def composed(
    order: Order, watch: Watcher | None = None, tell: Teller | None = None
) -> Iterator[Composition]:
    """Yield the answers to an order: `watch`, `tell` and errors as `compose_many`."""
    wish, tell = order.wish, tell or (lambda _: None)
    pieces: list[Composition] = []
    with Solver() as solver:
        task = _turn(order, 0)
        first = compose.settled(solver, task, watch)
        pieces.append(compose.finished(solver, task, first))
        yield pieces[0]
        order = replace(order, task=_pinned(order.task, first))
        counting = [True]
        while not pieces[-1].interrupted and sum(counting) < wish.count:
            try:
                pieces.append(_next(solver, order, first, pieces, watch))
            except (_NoMore, OutOfTime) as reason:
                tell(f"{sum(counting)} of {counted(wish.count, 'answer')}: {reason}")
                return
            yield pieces[-1]
            before, counting = counting, wish.counting(pieces)
            for number, (was, counts) in enumerate(zip(before, counting, strict=False), 1):
                if was and not counts:
                    tell(_too_dear(number, pieces, wish))


def _next(
    solver: Solver,
    order: Order,
    first: Found,
    pieces: Sequence[Composition],
    watch: Watcher | None,
) -> Composition:
    """Return one more answer, with differences in every phrase if there is such a one.

    Raises:
        _NoMore: none was found.
    """
    wish, earlier = order.wish, [piece.score for piece in pieces]
    for spread in (True, False):
        task = _turn(order, sum(wish.counting(pieces)))
        differing = apart(earlier, first.plan, wish.by, wish.distance, spread=spread)
        try:
            found = first
            if wish.by != "rhythm":
                found = compose.searched(solver, task, watch, differing)
                _know_good(found, wish, pieces)
            piece = compose.finished(solver, task, found, differing)
            _know_rhythm(piece, wish, pieces)
        except _NoMore:
            if not spread:
                raise
        else:
            break
    far = (distance(piece.score, score, first.plan, wish.by) for score in earlier)
    return replace(piece, distances=tuple(far))


def _turn(order: Order, done: int) -> Task:
    """Return the task of one answer: of limited seconds it may take its share of what is left."""
    task, now = order.task, time.monotonic()
    asked = task.effort or task.loaded.spec.effort
    if asked and asked.seconds is not None:
        left = task.begin + asked.seconds - now
        if done and left <= 0:
            raise _NoMore("no time was left. Allow more, with --seconds or effort:.")
        share = max(_LEAST, left) / (order.wish.count - done)
        task = replace(task, effort=Effort(None, share))
    return replace(task, begin=now, prepared=now) if done else task


def _pinned(task: Task, first: Found) -> Task:
    """Return the task with the harmonic rhythm of the first answer, which the others keep."""
    rhythm = task.loaded.spec.harmonic_rhythm
    while stages.outline(task.loaded, task.scores, rhythm=rhythm).slots != first.plan.slots:
        rhythm = FINER[rhythm]
    spec = task.loaded.spec.model_copy(update={"harmonic_rhythm": rhythm})
    return replace(task, loaded=replace(task.loaded, spec=spec))


def _know_good(found: Found, wish: Wish, pieces: Sequence[Composition]) -> None:
    """Refuse a search that found nothing, or nothing good enough."""
    answer = found.ending.best
    good = answer is not None and wish.allows(judged(answer.cost), wish.best(pieces))
    if found.interrupted and not good:
        raise KeyboardInterrupt
    if answer is None:
        raise _NoMore(_none(wish, proven=found.ending.impossible))
    if not good:
        raise _NoMore(_dearer(judged(answer.cost), pieces, wish))


def _know_rhythm(piece: Composition, wish: Wish, pieces: Sequence[Composition]) -> None:
    """Refuse a piece whose surface, if that is what counts, is none or not good enough."""
    if wish.by != "rhythm":
        return
    if piece.surface.status not in ("optimal", "feasible"):
        raise _NoMore(_none(wish, proven=piece.surface.status != "out of time"))
    if not wish.allows(wish.cost(piece), wish.best(pieces)):
        raise _NoMore(_dearer(wish.cost(piece), pieces, wish))


def _none(wish: Wish, *, proven: bool) -> str:
    what = f"further one that differs from each of them in {wish.apart}"
    if proven:
        return f"there is no {what}. Ask for a smaller --distance."
    return (
        f"no {what} was found in time. Ask for a smaller --distance, or allow more, with --seconds "
        "or effort:."
    )


def _dearer(cost: Cost, pieces: Sequence[Composition], wish: Wish) -> str:
    best = wish.best(pieces)
    far = f"the next best that was found, {wish.apart} from each of them,"
    hint = "Ask for a smaller --distance"
    if cost[0] != best[0]:
        return f"{far} has {counted(cost[0] - best[0], 'strong fault')} more. {hint}."
    return (
        f"{far} costs {shown(above(cost, best))} more than the best, and "
        f"{shown(wish.within)} is the limit. {hint}, or a larger --within."
    )


def _too_dear(number: int, pieces: Sequence[Composition], wish: Wish) -> str:
    better = f"answer {len(pieces)}, found after it, is better by more than {shown(wish.within)}"
    return f"answer {number} no longer counts: {better}. Another is looked for."


def as_data(pieces: Sequence[Composition], wish: Wish) -> dict[str, Any]:
    """Return what there is to say about several answers beside each other, for JSON.

    `distances` lists how far each is from each one, in order; `above_best` how much more it costs
    than the best of them, in per cent.
    """
    best, counting = wish.best(pieces), wish.counting(pieces)
    table = [[0] * len(pieces) for _ in pieces]
    for row, piece in enumerate(pieces):
        for column, far in enumerate(piece.distances):
            table[row][column] = table[column][row] = far
    return {
        "wanted": {
            "answers": wish.count, "distance": wish.distance, "by": wish.by,
            "within": shown(wish.within),
        },
        "found": sum(counting),
        "answers": [
            {
                "number": number, "cost": list(wish.cost(piece)), "counts": counts,
                "above_best": round(100 * float(above(wish.cost(piece), best)), 2),
                "distances": far,
            }
            for number, (piece, counts, far) in enumerate(
                zip(pieces, counting, table, strict=True), 1
            )
        ],
    }  # fmt: skip
