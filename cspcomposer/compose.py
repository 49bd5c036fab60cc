"""Compose what a specification asks for: lay out, solve, and say how good the answer is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cspcomposer import (
    __version__,
    brief,
    candidates,
    facts,
    finish,
    priors,
    rulebook,
    stages,
    words,
)
from cspcomposer.check import Report, check
from cspcomposer.check_show import as_json
from cspcomposer.errors import Fault, NoSolution, OutOfTime
from cspcomposer.excuse import excused
from cspcomposer.explain import Conflict, explain
from cspcomposer.facts import Outline
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score
from cspcomposer.search import CONFLICTS_A_PLACE, Effort, Ending, Progress, search
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import HarmonicRhythm
from cspcomposer.specfile import LoadedSpec
from cspcomposer.surface import CONFLICTS, Decorated, decorated

# How much dearer than the best a chord may seem and still be looked at; None: look at all.
MARGINS = (25, None)
# The surface and the last check take about as long as grounding did, and may take so much.
KEPT = 1.5
LEAST = 1.0
SHOWN = {"pitch": 3, "harmony": 2, "inversion": 2, "delays": 3}
WANTED = SHOWN | {"violation": 3}
FINER: dict[HarmonicRhythm, HarmonicRhythm] = {"beat": "half_beat", "half": "beat", "bar": "beat"}


@dataclass(frozen=True)
class Composition:
    """A composed piece, and everything there is to say about how it came about.

    Attributes:
        score: The piece.
        status: "optimal" (no better setting exists) or "feasible". The setting is the chords with
            one note to each; its surface is chosen after it.
        cost: The setting's: strong faults, then mild faults and preferences in tenths of a nat.
        bound: What the setting's cost is at least; as far as it is known.
        surface: How the choice of the surface ended, and what it costs, see `Decorated`.
        report: Where the finished piece breaks which soft rules.
        seed: The seed.
        spec_sha256: Of the specification file.
        rules_sha256: Of all rule files: theory, rules, styles, priors, and the user's own.
        prior: What preferred: its model, weight, temperature, and the digest of its network.
        seconds: By stage.
        interrupted: Whether the search was ended by the user.
    """

    score: Score
    status: str
    cost: tuple[int, ...]
    bound: tuple[int, ...]
    surface: Decorated
    report: Report
    seed: int
    spec_sha256: str
    rules_sha256: str
    prior: Mapping[str, str | float]
    seconds: Mapping[str, float] = field(default_factory=dict)
    interrupted: bool = False


Watcher = Callable[[Progress], None]


def compose(
    loaded: LoadedSpec,
    *,
    seed: int | None = None,
    effort: Effort | None = None,
    watch: Watcher | None = None,
) -> Composition:
    """Return a piece as the specification asks.

    Args:
        loaded: The specification.
        seed: In place of the specification's.
        effort: In place of the specification's. Its seconds are for the whole: the search leaves
            some for the surface and the last check.
        watch: Called with every better answer.

    Raises:
        BadSpec: given lines that cannot be read or do not fit.
        BadRules: no such style or rule, or a rule file that cannot be used.
        NoSolution: the rules and the given lines contradict each other; says which.
        OutOfTime: nothing found within the effort.
    """
    begin = time.monotonic()
    spec = loaded.spec
    seed = spec.seed if seed is None else seed
    own = brief.own_rules(loaded)
    brief.know_ranges(loaded)
    scores = brief.given_scores(loaded)
    prepared = time.monotonic()
    with Solver() as solver:
        found = _found(solver, loaded, scores, own, seed, effort, watch, begin)
        plan, ending, best = found.plan, found.ending, found.ending.best
        if best is None and found.interrupted:
            raise KeyboardInterrupt
        if best is None and not ending.impossible:
            raise OutOfTime(
                Fault(
                    f"nothing was found in {time.monotonic() - begin:.2g} seconds.",
                    loaded.path,
                    hint="Allow more, with --seconds or effort:, or give less.",
                )
            )
        if best is None:
            relaxed = _rules(loaded, own)(
                ["harmony", "voices", "wishes"], "relax", heeded=("hard", "strong")
            )
            conflict = explain(solver, relaxed, plan, found.chords, loaded, own)
            raise NoSolution(*_faults(conflict, loaded))
        solved = time.monotonic()
        asked = effort or _effort(loaded, len(plan.slots))
        rest = replace(_left(asked, begin), conflicts=CONFLICTS)
        surface = decorated(
            solver, finish.decoded(plan, best), plan, style=spec.style,
            overrides=dict(spec.rules), folders=own, seed=seed, effort=rest, density=spec.surface,
        )  # fmt: skip
    adorned = time.monotonic()
    report = check(
        surface.score, file=spec.title, style=spec.style, overrides=dict(spec.rules), folders=own,
        excused=plan.excused,
    )  # fmt: skip
    return Composition(
        surface.score,
        "optimal" if ending.optimal and not found.interrupted else "feasible",
        best.cost,
        # Of what goes before the mild faults and preferences no bound is known.
        best.cost if ending.optimal else (*(0 for _ in best.cost[:-1]), found.bound),
        surface,
        report,
        seed,
        loaded.sha256,
        _sha256(own),
        spec.prior.model_dump() | priors.network(spec.prior.model),
        {
            "prepare": prepared - begin,
            "ground": ending.grounding,
            "solve": solved - prepared - ending.grounding,
            "surface": adorned - solved,
            "check": time.monotonic() - adorned,
        },
        found.interrupted,
    )


@dataclass(frozen=True)
class _Found:
    """How the search for a setting ended.

    Attributes:
        plan: What was searched for.
        ending: What was found.
        chords: The chords that were looked at, as facts.
        bound: What mild faults and preferences cost at least.
        interrupted: Whether the user ended it.
    """

    plan: Outline
    ending: Ending
    chords: str
    bound: int
    interrupted: bool


def _found(
    solver: Solver,
    loaded: LoadedSpec,
    scores: Mapping[str, Score],
    own: Sequence[Path],
    seed: int,
    effort: Effort | None,
    watch: Watcher | None,
    begin: float,
) -> _Found:
    """Return the best setting, looking further only when there is none.

    First at likely chords, then at all; then faults of what is given are excused; then the harmony
    may change more often, unless the specification says how often.
    """
    spec = loaded.spec
    rhythm: HarmonicRhythm | None = None
    unmendable: tuple[tuple[str, Fraction, str], ...] | None = None
    noise = priors.Noise(seed, temperature=spec.prior.temperature)
    while True:
        plan = stages.outline(loaded, scores, rhythm=rhythm)
        plan = replace(plan, excused=unmendable or ())
        given = facts.facts(plan)
        prior = priors.prior(spec.prior.model, spec.prior.weight, plan)
        options = candidates.options(
            f"{given}\n{prior.facts}", style=spec.style, priors=prior.folders
        )
        brief.know_numerals(loaded, plan, options)
        taste = priors.taste(prior, noise, options)
        program = _rules(loaded, own)(
            ["harmony", "voices", "given"], "enforce", heeded=("hard", "strong", "mild"),
            priors=prior.folders,
        )  # fmt: skip
        sources = sliced(program, list(WANTED.items()))
        melody = priors.melody(noise, plan)
        for margin in MARGINS:
            likely = candidates.considered(options, taste, margin)
            chords = candidates.stated(likely, taste)
            notes = prior.notes({slot: tuple(names) for slot, names in likely.items()})
            preferred = "\n".join([prior.facts, chords, notes, melody])
            texts = [Source("given", given), Source("prior", preferred)]
            limit = _left(effort or _effort(loaded, len(plan.slots)), begin)
            ending, interrupted = _searched(solver, [*sources, *texts], plan, limit, seed, watch)
            if ending.best or not ending.impossible:
                bound = candidates.bound(options, taste)
                return _Found(plan, ending, chords, bound, interrupted)
            if unmendable is None:
                every = candidates.stated(candidates.considered(options, taste, None), taste)
                unmendable = excused(
                    solver, plan, every, style=spec.style, overrides=dict(spec.rules), folders=own
                )
                if unmendable:
                    break
        if unmendable and not plan.excused:
            continue
        rhythm = FINER.get(rhythm or spec.harmonic_rhythm)
        if "harmonic_rhythm" in spec.model_fields_set or rhythm is None:
            return _Found(plan, ending, chords, 0, interrupted)


def _rules(loaded: LoadedSpec, own: Sequence[Path]) -> Callable[..., list[Source]]:
    """Return `rulebook.program` for what a specification says of its rules."""
    spec = loaded.spec
    return partial(rulebook.program, style=spec.style, overrides=dict(spec.rules), folders=own)


def _searched(
    solver: Solver,
    sources: Sequence[Source],
    plan: Outline,
    effort: Effort,
    seed: int,
    watch: Watcher | None,
) -> tuple[Ending, bool]:
    """Return how a search ended, and whether the user ended it."""
    best: Progress | None = None
    try:
        reader = partial(facts.decisions, plan)
        for step in search(
            solver, sources, show=SHOWN, decisions=reader, effort=effort, seed=seed, keep=KEPT
        ):
            if isinstance(step, Ending):
                return step, False
            best = step
            if watch:
                watch(step)
    except KeyboardInterrupt:
        if best is None:
            raise
        return Ending(best.answer, False, False, 0, 0.0, best.seconds), True
    raise AssertionError("a search ends with an ending")


def _effort(loaded: LoadedSpec, places: int) -> Effort:
    asked = loaded.spec.effort
    if asked is None:
        return Effort(CONFLICTS_A_PLACE * places)
    return Effort(asked.conflicts, asked.seconds)


def _left(effort: Effort, begin: float) -> Effort:
    """Return what is left of an effort that began at a time; if in seconds, at least a little."""
    if effort.seconds is None:
        return effort
    return replace(effort, seconds=max(LEAST, effort.seconds - (time.monotonic() - begin)))


def _faults(conflict: Conflict, loaded: LoadedSpec) -> list[Fault]:
    head = "there is no solution: " + conflict.summary
    return [Fault(head, loaded.path), *conflict.lines, *conflict.relaxation]


def _sha256(own: Sequence[Path]) -> str:
    """Return a digest of every rule file there is, shipped and the user's own."""
    digest = hashlib.sha256()
    for path in [*sorted(rulebook.folder().rglob("*.lp")), *own]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(piece: Composition) -> list[str]:
    """Return what is a fault of the given lines alone, and stays, as sentences."""
    return [
        f"bar {v.bar}, beat {words.beat_text(v.beat)}: {v.message} This is given, and kept."
        for v in piece.report.violations if v.given
    ]  # fmt: skip


def as_data(piece: Composition) -> dict[str, Any]:
    """Return everything there is to say about a piece as plain data for JSON."""
    packages = ("clingo", "music21", "numpy", "onnxruntime", "verovio")
    report = as_json(piece.report)
    return {
        "title": piece.score.title,
        "status": piece.status,
        "interrupted": piece.interrupted,
        "cost": list(piece.cost),
        "bound": list(piece.bound),
        "surface": {"status": piece.surface.status, "cost": list(piece.surface.cost)},
        "cost_by_rule": _costs(piece.report),
        "violations": report["violations"],
        "kept_as_given": kept(piece),
        "seed": piece.seed,
        "style": piece.report.style,
        "prior": dict(piece.prior),
        "versions": {"cspcomposer": __version__} | {p: version(p) for p in packages},
        "sha256": {"spec": piece.spec_sha256, "rules": piece.rules_sha256},
        "seconds": {name: round(value, 3) for name, value in piece.seconds.items()},
    }


def _costs(report: Report) -> dict[str, dict[str, int | str]]:
    """Return for each broken rule how often it is broken and what that costs."""
    weights = rulebook.weights(report.style)
    severities = {v.rule: v.severity for v in report.violations}
    out: dict[str, dict[str, int | str]] = {}
    for rule, count in report.counts["rule"].items():
        each = {"mild": weights.get(rule, 0), "strong": 1}.get(severities[rule], 0)
        out[rule] = {"severity": severities[rule], "count": count, "cost": each * count}
    return out


def renamed(piece: Composition, title: str) -> Composition:
    """Return a piece with a title, where it has none."""
    if piece.score.title:
        return piece
    return replace(piece, score=replace(piece.score, title=title))
