"""Rules that span the whole piece, and other ways to search: how near to the best each comes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import tried
import tune

from cspcomposer import compose, specfile, stretches
from cspcomposer.errors import CSPComposerError
from cspcomposer.search import OPTIONS, Effort, Progress
from cspcomposer.solver import Answer, Solver, Source
from cspcomposer.specfile import LoadedSpec

RULES = Path(__file__).parent / "global" / "rules"
SPANNING = ("repeat_broken", "tenor_climax_repeated", "too_many_tonics")
BEATS = (16, 64, 256, 1024)
# So many beats are searched otherwise; longer pieces need no other tables.
WHOLE = 64
SECONDS = 20.0
MOMENTS = (1.0, 5.0, SECONDS)
# What is wanted of pieces that are searched whole.
PROVEN = 10.0
BEST = ("--opt-strategy=usc,oll,stratify", "--opt-usc-shrink=min")


def table() -> Iterator[str]:
    """Yield a table of each rule: what was found with it, and how far that is from the bound."""
    yield "## Rules over the whole piece\n"
    yield "The first half of so many beats of the tune, twice, with one hard rule of"
    yield f"`tests/benchmarks/global`; tables compiled before, at most {SECONDS:.0f} seconds.\n"
    yield "| beats | rule | cost | at least | gap | seconds | how |"
    yield "|--:|---|--:|--:|--:|--:|---|"
    seconds = {}
    for beats in BEATS:
        for rule in ("", *SPANNING):
            said, seconds[beats, rule] = _row(beats, rule)
            yield f"| {beats} | {f'`{rule}`' if rule else 'none'} | {said} |"
    yield ""
    for rule in SPANNING:
        word = tried.verdict(seconds[WHOLE, rule] <= PROVEN, "spanning")
        yield f"* {WHOLE} beats with `{rule}` proven within {PROVEN:.0f} s: {word}"


def loaded(beats: int, rule: str) -> LoadedSpec:
    """Return what asks for half of so many beats, twice, under one of the rules or none."""
    text = tune.spec(beats // 2, times=2)
    off = ", ".join(f"{other}: off" for other in SPANNING if other != rule)
    text += f"rule_folders: ['{RULES}']\nrules: {{{off}}}\n"
    return specfile.parse(text.encode(), Path("tune.yaml"))


def _row(beats: int, rule: str) -> tuple[str, float]:
    """Return what is said of a problem, and how long its proof took."""
    # The first run compiles what is not kept yet.
    tune.prepare(loaded(min(beats, WHOLE), rule))
    asked = loaded(beats, rule)
    begin = time.perf_counter()
    try:
        piece = compose.compose(asked, effort=Effort(seconds=SECONDS, prove=True))
    except CSPComposerError as error:
        spent = time.perf_counter() - begin
        return f"none | | | {spent:.1f} | {type(error).__name__}", math.inf
    spent = time.perf_counter() - begin
    cost, bound = piece.cost[-1], piece.bound[-1]
    gap = f"{100 * (cost / bound - 1):.1f} %" if bound else ""
    strong = f"{piece.cost[0]}, " if piece.cost[0] else ""
    how = "proven" if piece.status == "optimal" else "not proven"
    proof = spent if piece.status == "optimal" else math.inf
    return f"{strong}{cost} | {bound} | {gap} | {spent:.1f} | {how}", proof


def contenders() -> Iterator[str]:
    """Yield a table of other ways to search the same rules and costs."""
    beats = WHOLE
    yield "## Searching otherwise\n"
    yield f"The tune, {beats} beats, all rules and the network; strong faults, then the rest. The"
    yield "likely chords alone are looked at, by all but the last.\n"
    yield f"| who | {' | '.join(f'at {moment:.0f} s' for moment in MOMENTS)} |"
    yield f"|---|{'--:|' * len(MOMENTS)}"
    for name, found in _found(beats):
        cells = " | ".join(_best(found, moment) for moment in MOMENTS)
        yield f"| {name} | {cells} |"


def _found(beats: int) -> Iterator[tuple[str, list[tuple[float, tuple[int, ...]]]]]:
    sources, signatures = _program(beats)
    for name, options in (
        ("clingo alone, its own options", ()),
        ("clingo alone, core-guided", BEST),
        ("clingo alone, our options", OPTIONS),
    ):
        yield name, _alone(sources, signatures, options)
    yield "large neighbourhoods (`compose`)", _composed(beats, stretched=False)
    yield "rolling over stretches", _composed(beats, stretched=True)
    yield "tables (`compose --prove`)", _composed(beats, stretched=False, prove=True)


def _alone(
    sources: Sequence[Source], signatures: Sequence[str], options: Sequence[str]
) -> list[tuple[float, tuple[int, ...]]]:
    found = []
    names = [signature.partition("/")[0] for signature in signatures]
    with Solver() as solver:
        begin = time.perf_counter()
        solver.ground(sources, options=options, show=signatures)
        for step in solver.solve(show=names, seconds=SECONDS):
            if isinstance(step, Answer):
                found.append((time.perf_counter() - begin, step.cost))
    return found


def _composed(
    beats: int, *, stretched: bool, prove: bool = False
) -> list[tuple[float, tuple[int, ...]]]:
    seen: list[Progress] = []
    least = 0 if stretched else 1 << 30
    with mock.patch.object(stretches, "LEAST", least):
        effort = Effort(seconds=SECONDS, prove=prove)
        compose.compose(tune.loaded(beats), effort=effort, watch=seen.append)
    return [(step.seconds, step.answer.cost) for step in seen]


def _program(beats: int) -> tuple[Sequence[Source], Sequence[str]]:
    """Return the program that `compose` gives the solver first, and what it shows."""
    kept: list[tuple[Sequence[Source], Sequence[str]]] = []

    class Recorder(Solver):
        def ground(self, sources: Sequence[Source], **more: object) -> tuple[str, ...]:
            if more.get("options"):
                kept.append((sources, more["show"]))  # type: ignore[arg-type]
            return super().ground(sources, **more)  # type: ignore[arg-type]

    with mock.patch.object(compose, "Solver", Recorder):
        compose.compose(tune.loaded(beats), effort=Effort(conflicts=2000))
    return kept[0]


def _best(found: list[tuple[float, tuple[int, ...]]], moment: float) -> str:
    before = [cost for seconds, cost in found if seconds <= moment]
    return ", ".join(map(str, before[-1])) if before else "none"
