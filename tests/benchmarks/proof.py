"""What a specification costs at best, proven by clingo alone: what our search is measured against.

All that a style allows is looked at, and the whole is given to clingo's core-guided optimisation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cspcomposer import brief, facts, finish, rulebook, specfile, stages
from cspcomposer.facts import Outline
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score
from cspcomposer.solver import Answer, Outcome, Solver, Source
from cspcomposer.specfile import LoadedSpec

OPTIONS = ("--opt-strategy=usc,oll,stratify", "--opt-usc-shrink=min")
# Where a chord is given only that one is looked at, elsewhere whatever the style has.
CHORDS = """
considered(T,N) :- given_harmony(T,N).
considered(T,N) :- possible(T,N), not given_harmony(T,M) : possible(T,M).
"""
SHOWN = {"pitch": 3, "harmony": 2, "inversion": 2, "delays": 3, "violation": 3}


@dataclass(frozen=True)
class Proof:
    """How clingo ended.

    Attributes:
        optimal: Whether nothing better exists.
        impossible: Whether there is no answer.
        cost: Strong faults, then mild faults; empty without an answer.
        bound: What an answer costs at least, as far as it was found.
        faults: The mild and strong faults of the best answer, by rule.
        score: The best answer.
        grounding: Seconds.
        first: Seconds from the beginning of the search to the first answer.
        seconds: Seconds from the beginning of the search to its end.
    """

    optimal: bool
    impossible: bool
    cost: tuple[int, ...]
    bound: tuple[int, ...]
    faults: dict[str, int]
    score: Score | None
    grounding: float
    first: float
    seconds: float


def loaded(text: str, path: Path) -> LoadedSpec:
    """Return a specification as it would stand in a file."""
    return specfile.parse(text.encode(), path)


def program(spec: LoadedSpec) -> tuple[Outline, list[Source]]:
    """Return what a specification fixes, and the program that stands for it.

    Raises:
        ValueError: a specification with a prior, which would look at likely chords first.
    """
    if spec.spec.prior.model != "none" or spec.spec.prior.temperature:
        raise ValueError("expected prior: {model: none, temperature: 0}")
    plan = stages.outline(spec, brief.given_scores(spec))
    rules = rulebook.program(
        ["harmony", "voices", "given"], "enforce", style=spec.spec.style,
        overrides=dict(spec.spec.rules), folders=brief.own_rules(spec),
        heeded=("hard", "strong", "mild"),
    )  # fmt: skip
    texts = [Source("given", facts.facts(plan)), Source("all chords", CHORDS)]
    return plan, [*sliced(rules, list(SHOWN.items())), *texts]


def proven(
    spec: LoadedSpec,
    *,
    seconds: float,
    options: Sequence[str] = OPTIONS,
    watch: Callable[[Answer], None] | None = None,
) -> Proof:
    """Return the best answer to a specification, or the best within so many seconds.

    Args:
        spec: The specification; it asks for no prior.
        seconds: A limit for the search; grounding is not counted.
        options: For clingo.
        watch: Called with every better answer.
    """
    plan, sources = program(spec)
    best: Answer | None = None
    outcome = Outcome(None, False, (), (), 0)
    signatures = [f"{name}/{arity}" for name, arity in SHOWN.items()]
    with Solver() as solver:
        begin = time.perf_counter()
        solver.ground(sources, options=options, show=signatures)
        grounded = time.perf_counter()
        first = 0.0
        for step in solver.solve(show=list(SHOWN), seconds=seconds):
            if isinstance(step, Answer):
                first, best = first or step.seconds, step
                if watch:
                    watch(step)
            else:
                outcome = step
        spent = time.perf_counter() - grounded
    faults: dict[str, int] = {}
    for atom in best.atoms if best else ():
        if atom.name == "violation":
            faults[str(atom.arguments[0])] = faults.get(str(atom.arguments[0]), 0) + 1
    return Proof(
        best is not None and outcome.exhausted,
        outcome.satisfiable is False,
        best.cost if best else (),
        outcome.bound,
        faults,
        finish.decoded(plan, best) if best else None,
        grounded - begin,
        first,
        spent,
    )
