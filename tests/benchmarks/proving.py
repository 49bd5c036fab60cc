"""How soon the best is found and proven, beside the search without tables."""

from __future__ import annotations

import time
from collections.abc import Iterator

import tune

from cspcomposer import compose
from cspcomposer.search import Effort, Progress

BEATS = (16, 32, 64, 128)
# 64 beats are to be proven in two seconds, the first answer to be within 5 % after one.
AIMED, PROVEN, FIRST, NEAR = 64, 2.0, 1.0, 5.0
SECONDS = 20.0
MOMENTS = (1.0, 5.0)
# Chorale tunes: of the test part of the canonical split every eighteenth, by name.
TUNES = (
    "bwv102.7", "bwv197.5", "bwv311", "bwv404", "bwv9.7",
)  # fmt: skip
PATIENCE = 60.0


def table() -> Iterator[str]:
    """Yield a table of what is found in so many seconds, and how far it is from the bound."""
    yield "## Proving\n"
    yield "The same tune, all rules of `chorale` and the shipped network, tables compiled before;"
    yield f"at most {SECONDS:.0f} seconds. In the first columns the search without tables.\n"
    heads = ["beats", "cost without", "seconds", "first answer"]
    heads += [f"gap at {moment:.0f} s" for moment in (*MOMENTS, SECONDS)]
    yield f"| {' | '.join([*heads, 'cost', 'seconds', 'how'])} |"
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    said = []
    for beats in BEATS:
        without, piece, seen, spent = _measured(beats)
        gaps = [_gap(seen, moment, piece.bound[-1]) for moment in (*MOMENTS, SECONDS)]
        proven = piece.status == "optimal"
        yield (
            f"| {beats} | {without.cost[-1]} | {spent[0]:.1f} | {seen[0].seconds:.1f} "
            f"| {' | '.join(gaps)} | {piece.cost[-1]} | {spent[1]:.1f} "
            f"| {'proven' if proven else 'not proven'} |"
        )
        if beats == AIMED:
            early = [s.answer.cost[-1] for s in seen if s.seconds <= FIRST]
            soon = bool(early) and early[-1] <= (1 + NEAR / 100) * piece.bound[-1]
            said += [
                f"* {beats} beats proven within {PROVEN:.0f} s: "
                + _word(proven and spent[1] <= PROVEN),
                f"* an answer within {NEAR:.0f} % after {FIRST:.0f} s: {_word(soon)}",
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
) -> tuple[compose.Composition, compose.Composition, list[Progress], tuple[float, float]]:
    begin = time.perf_counter()
    without = compose.compose(tune.loaded(beats))
    middle = time.perf_counter()
    # The first run compiles what is not kept yet.
    tune.prepare(tune.loaded(beats))
    seen: list[Progress] = []
    again = time.perf_counter()
    effort = Effort(seconds=SECONDS, prove=True)
    piece = compose.compose(tune.loaded(beats), effort=effort, watch=seen.append)
    return without, piece, seen, (middle - begin, time.perf_counter() - again)


def _gap(seen: list[Progress], moment: float, bound: int) -> str:
    """Return how much dearer than the bound the best answer of a moment was."""
    before = [step.answer.cost[-1] for step in seen if step.seconds <= moment]
    return f"{100 * (before[-1] / bound - 1):.1f} %" if before else "no answer"


def _word(reached: bool) -> str:
    return "reached" if reached else "**missed**"
