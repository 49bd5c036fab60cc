"""How soon the best is found and proven, beside the search without tables."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator

import tried
import tune

from cspcomposer import compose
from cspcomposer.errors import OutOfTime
from cspcomposer.search import Effort, Progress

BEATS = (16, 32, 64, 128, 256, 1024)
# The tune comes again and again: longer pieces need no other tables.
WHOLE = 64
# 64 beats are to be proven in two seconds, the first answer to be within 5 % after one.
AIMED, PROVEN, FIRST, NEAR = 64, 2.0, 1.0, 5.0
SECONDS = 20.0
MOMENTS = (1.0, 5.0)
# Chorale tunes: of the test part of the canonical split every eighteenth, by name.
TUNES = (
    "bwv102.7", "bwv197.5", "bwv311", "bwv404", "bwv9.7",
)  # fmt: skip
PATIENCE = 60.0
# After how many seconds there was an answer, and what it cost.
Seen = tuple[float, tuple[int, ...]]


def table() -> Iterator[str]:
    """Yield a table of what is found in so many seconds, and how far it is from the bound."""
    yield "## Proving\n"
    yield "The same tune, all rules of `chorale` and the shipped network, tables compiled before;"
    yield f"at most {SECONDS:.0f} seconds. In the first columns the search without tables."
    yield "Longer pieces are first composed stretch by stretch, and then bounded. Memory: that of"
    yield "the largest process so far.\n"
    heads = ["beats", "cost without", "seconds", "first answer"]
    heads += [f"gap at {moment:.0f} s" for moment in (*MOMENTS, SECONDS)]
    yield f"| {' | '.join([*heads, 'cost', 'seconds', 'MB', 'how'])} |"
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    said = []
    for beats in BEATS:
        without, piece, seen, spent = _measured(beats)
        gaps = [_gap(seen, moment, piece) for moment in (*MOMENTS, SECONDS)]
        proven = piece is not None and piece.status == "optimal"
        yield (
            f"| {beats} | {tune.told(without.cost)} | {spent[0]:.1f} "
            f"| {f'{seen[0][0]:.1f}' if seen else 'none'} | {' | '.join(gaps)} "
            f"| {tune.told(piece.cost) if piece else ''} | {spent[1]:.1f} | {_memory()} "
            f"| {'proven' if proven else 'not proven'} |"
        )
        if beats == AIMED:
            assert piece, "there is time for so few"
            early = [cost[-1] for seconds, cost in seen if seconds <= FIRST]
            soon = bool(early) and early[-1] <= (1 + NEAR / 100) * piece.bound[-1]
            said += [
                f"* {beats} beats proven within {PROVEN:.0f} s: "
                + tried.verdict(proven and spent[1] <= PROVEN, "proving"),
                f"* an answer within {NEAR:.0f} % after {FIRST:.0f} s: "
                + tried.verdict(soon, "proving"),
            ]
    yield ""
    yield from said


def real() -> Iterator[str]:
    """Yield a table of chorale tunes: what tables find and prove, beside the search without."""
    yield "## Proving tunes\n"
    yield "Sopranos of Bach's chorales that no network was taught, all else being free; tables"
    yield f"compiled before, at most {PATIENCE:.0f} seconds.\n"
    yield "| tune | beats | without tables | seconds | dearer | best | at least | seconds | how |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|---|"
    proven = 0
    for name in TUNES:
        with tune.given(f"bach/{name}.mxl") as asked:
            begin = time.perf_counter()
            without = compose.compose(asked)
            middle = time.perf_counter()
            tune.prepare(asked)
            again = time.perf_counter()
            piece = compose.compose(asked, effort=Effort(seconds=PATIENCE, prove=True))
            end = time.perf_counter()
        proven += piece.status == "optimal"
        dearer = 100 * (without.cost[-1] / piece.cost[-1] - 1)
        yield (
            f"| {name} | {float(piece.score.end):.0f} | {tune.told(without.cost)} "
            f"| {middle - begin:.1f} | {dearer:.1f} % | {tune.told(piece.cost)} "
            f"| {tune.told(piece.bound)} | {end - again:.1f} "
            f"| {'proven' if piece.status == 'optimal' else 'not proven'} |"
        )
    yield f"\n* {proven} of {len(TUNES)} proven"


def _measured(
    beats: int,
) -> tuple[compose.Composition, compose.Composition | None, list[Seen], tuple[float, float]]:
    begin = time.perf_counter()
    without = compose.compose(tune.loaded(beats))
    middle = time.perf_counter()
    # The first run compiles what is not kept yet.
    tune.prepare(tune.loaded(min(beats, WHOLE)))
    seen: list[Seen] = []
    again = time.perf_counter()

    def watch(step: Progress) -> None:
        seen.append((time.perf_counter() - again, step.answer.cost))

    piece = None
    with contextlib.suppress(OutOfTime):
        piece = compose.compose(
            tune.loaded(beats), effort=Effort(seconds=SECONDS, prove=True), watch=watch
        )
    return without, piece, seen, (middle - begin, time.perf_counter() - again)


def _gap(seen: list[Seen], moment: float, piece: compose.Composition | None) -> str:
    """Return how much dearer than the bound the best answer of a moment was."""
    before = [cost for seconds, cost in seen if seconds <= moment]
    if not before or piece is None:
        return "no answer"
    if any(before[-1][:-1]):
        return "strong faults"
    return f"{100 * (before[-1][-1] / piece.bound[-1] - 1):.1f} %"


def _memory() -> int:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(u.ru_maxrss for u in usage) // 1024
