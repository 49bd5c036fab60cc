"""Compose what a specification asks for: lay out, solve, and say how good the answer is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cspcomposer import (
    __version__,
    arrange,
    arrange_known,
    brief,
    compose_form,
    compose_setting,
    finish,
    form_show,
    priors,
    rulebook,
    words,
)
from cspcomposer.check import Report, check
from cspcomposer.check_show import as_json
from cspcomposer.errors import Fault, NoSolution, OutOfTime, counted
from cspcomposer.explain import Conflict, explain
from cspcomposer.facts_apart import Further, nothing
from cspcomposer.form_show import Ruler
from cspcomposer.plan import Plan
from cspcomposer.posed import rules
from cspcomposer.score import Score, pickup
from cspcomposer.search import Effort
from cspcomposer.solver import Solver
from cspcomposer.specfile import LoadedSpec
from cspcomposer.surface import CONFLICTS, Decorated, decorated

# So many broken hard rules are told one by one.
SHOWN = 3


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
        distances: Of one of several answers: how far it is from each one before it. Of a piece of
            which a part was composed again: in how many main notes that differs from before.
        plan: The plan that it follows, if it has one.
        taken_back: Why earlier plans were given up, as sentences.
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
    distances: tuple[int, ...] = ()
    plan: Plan | None = None
    taken_back: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """What is to be composed, with all that it refers to looked up.

    Attributes:
        loaded: The specification.
        own: Rule files of the user's own.
        scores: The voices that are given as files.
        seed: The seed.
        effort: In place of the specification's, or None.
        begin: When work began, and from when limited seconds count.
        prepared: When all was looked up.
    """

    loaded: LoadedSpec
    own: tuple[Path, ...]
    scores: Mapping[str, Score]
    seed: int
    effort: Effort | None
    begin: float
    prepared: float


def compose(
    loaded: LoadedSpec,
    *,
    seed: int | None = None,
    effort: Effort | None = None,
    watch: compose_setting.Watcher | None = None,
    tell: Callable[[str], None] | None = None,
) -> Composition:
    """Return a piece as the specification asks.

    Args:
        loaded: The specification.
        seed: In place of the specification's.
        effort: In place of the specification's. Its seconds are for the whole: the search leaves
            some for the surface and the last check.
        watch: Called with every better answer.
        tell: Called with what is being done, where that takes long: tables are compiled, a long
            piece is composed up to some bar, a melody is invented.

    Raises:
        BadSpec: given lines that cannot be read or do not fit.
        BadRules: no such style or rule, or a rule file that cannot be used.
        NoSolution: the rules and the given lines contradict each other; says which.
        OutOfTime: nothing found within the effort.
    """
    asked = task(loaded, seed=seed, effort=effort)
    with Solver() as solver:
        return finished(solver, asked, settled(solver, asked, watch, tell), tell=tell)


def task(loaded: LoadedSpec, *, seed: int | None = None, effort: Effort | None = None) -> Task:
    """Return what a specification asks for, all it refers to looked up.

    Raises:
        BadSpec, BadRules: as `compose`.
    """
    begin = time.monotonic()
    own = brief.own_rules(loaded)
    brief.know_ranges(loaded)
    arrange_known.know(loaded)
    scores = brief.given_scores(loaded)
    seed = loaded.spec.seed if seed is None else seed
    return Task(loaded, own, scores, seed, effort, begin, time.monotonic())


def searched(
    solver: Solver,
    task: Task,
    watch: compose_setting.Watcher | None = None,
    further: Further = nothing,
    tell: Callable[[str], None] | None = None,
) -> compose_setting.Found:
    """Return how the search for a task's setting ended; `further` says what else holds."""
    if task.loaded.spec.form:
        return compose_form.found(
            solver, task.loaded, task.scores, task.own, task.seed, task.effort, watch, task.begin,
            tell,
        )  # fmt: skip
    return compose_setting.found(
        solver, task.loaded, task.scores, task.own, task.seed, task.effort, watch, task.begin,
        further, tell,
    )  # fmt: skip


def settled(
    solver: Solver,
    task: Task,
    watch: compose_setting.Watcher | None = None,
    tell: Callable[[str], None] | None = None,
) -> compose_setting.Found:
    """Return a setting, or why there is none.

    Raises:
        NoSolution, OutOfTime: as `compose`.
    """
    return accepted(solver, task, searched(solver, task, watch, tell=tell))


def accepted(solver: Solver, task: Task, found: compose_setting.Found) -> compose_setting.Found:
    """Return what a search found, or say why it found nothing.

    Raises:
        NoSolution, OutOfTime: as `compose`.
    """
    loaded = task.loaded
    if found.ending.best:
        return found
    if found.interrupted:
        raise KeyboardInterrupt
    if not found.ending.impossible:
        raise OutOfTime(
            Fault(
                f"nothing was found in {time.monotonic() - task.begin:.2g} seconds.",
                loaded.path,
                hint="Allow more, with --seconds or --effort, or give less.",
            )
        )
    relaxed = rules(loaded, task.own)(
        ["harmony", "voices", "wishes"], "relax", heeded=("hard", "strong")
    )
    conflict = explain(
        solver, relaxed, found.plan, found.chords, loaded, task.own, within=found.place
    )
    raise NoSolution(*_faults(conflict, loaded))


def finished(
    solver: Solver,
    task: Task,
    found: compose_setting.Found,
    further: Further = nothing,
    tell: Callable[[str], None] | None = None,
) -> Composition:
    """Return the piece that a setting makes: with its surface, and checked.

    Args:
        solver: Where to search.
        task: What was asked for.
        found: A setting.
        further: What else holds of the surface.
        tell: Called with what is being done, where that takes long.
    """
    spec, plan, ending, best = task.loaded.spec, found.plan, found.ending, found.ending.best
    assert best, "a piece needs a setting"
    solved = time.monotonic()
    asked = compose_setting.effort_of(task.loaded, len(plan.slots), task.effort)
    rest = replace(compose_setting.left(asked, task.begin), conflicts=CONFLICTS)
    setting = finish.decoded(plan, best)
    overrides: dict[str, str] = dict(spec.rules)
    if spec.texture:
        surface = arrange.arranged(
            solver, setting, plan, task.loaded, own=task.own, seed=task.seed, effort=rest,
            tell=tell,
        )  # fmt: skip
        overrides = arrange_known.unjudged(spec.texture) | overrides
    else:
        surface = decorated(
            solver, setting, plan, style=spec.style, overrides=overrides,
            folders=task.own, seed=task.seed, effort=rest, density=spec.surface, further=further,
        )  # fmt: skip
    adorned = time.monotonic()
    report = check(
        surface.score, file=spec.title, style=spec.style, overrides=overrides,
        folders=task.own, excused=plan.excused,
    )  # fmt: skip
    return Composition(
        surface.score,
        "optimal" if ending.optimal and not found.interrupted else "feasible",
        best.cost,
        found.bound,
        surface,
        report,
        task.seed,
        task.loaded.sha256,
        rules_sha256(task.own, spec.style),
        spec.prior.model_dump() | priors.network(spec.prior.model),
        {
            "prepare": task.prepared - task.begin,
            "ground": ending.grounding,
            "solve": solved - task.prepared - ending.grounding,
            "surface": adorned - solved,
            "check": time.monotonic() - adorned,
        },
        found.interrupted,
        plan=plan.plan,
        taken_back=found.taken_back,
    )


def _faults(conflict: Conflict, loaded: LoadedSpec) -> list[Fault]:
    head = "there is no solution: " + conflict.summary
    return [Fault(head, loaded.path), *conflict.lines, *conflict.relaxation]


def rules_sha256(own: Sequence[Path], style: str) -> str:
    """Return a digest of every rule file there is: the shipped ones, one's own, the style's."""
    digest = hashlib.sha256()
    for path in [*sorted(rulebook.folder().rglob("*.lp")), *own, rulebook.style_file(style)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(piece: Composition) -> list[str]:
    """Return what is a fault of the given lines alone, and stays, as sentences."""
    return [
        f"bar {v.bar}, beat {words.beat_text(v.beat)}: {v.message} This is given, and kept."
        for v in piece.report.violations if v.given
    ]  # fmt: skip


def remarks(piece: Composition) -> list[str]:
    """Return what is to be said of a piece: what is kept as given, which hard rules it breaks."""
    out, hard = kept(piece), [v for v in piece.report.violations if v.severity == "hard"]
    for v in hard[:SHOWN]:
        out.append(f"bar {v.bar}, beat {words.beat_text(v.beat)}: {v.message} ({v.rule})")
    if hard:
        more = f", of which {SHOWN} are shown" if hard[SHOWN:] else ""
        hint = "Try another seed, or allow more, with --seconds or --effort."
        out.append(f"{counted(len(hard), 'fault')} against hard rules{more}. {hint}")
    return out


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of all that has a part in what a piece becomes."""
    packages = ("clingo", "music21", "numpy", "onnxruntime", "verovio")
    return {"cspcomposer": __version__} | {name: version(name) for name in packages}


def as_data(piece: Composition) -> dict[str, Any]:
    """Return everything there is to say about a piece as plain data for JSON."""
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
        **({"plans_taken_back": list(piece.taken_back)} if piece.taken_back else {}),
        **({"plan": form_show.as_data(piece.plan, _ruler(piece.score))} if piece.plan else {}),
        "seed": piece.seed,
        "style": piece.report.style,
        "prior": dict(piece.prior),
        "versions": dict(versions()),
        "sha256": {"spec": piece.spec_sha256, "rules": piece.rules_sha256},
        "seconds": {name: round(value, 3) for name, value in piece.seconds.items()},
    }


def _ruler(score: Score) -> Ruler:
    """Return the bars of a piece, which has one metre."""
    return Ruler(pickup(score), score.measures[0].full)


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
