"""Why there is no solution: a few demands that collide, and the smallest way out.

The negations of all faults are assumed; what cannot hold together is made minimal. Knows no
rule: what is given is a demand like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cspcomposer import facts, facts_slice, rulebook, words
from cspcomposer import pitch as pitches
from cspcomposer.errors import Fault, OutOfTime
from cspcomposer.facts import Clock, Outline
from cspcomposer.rulebook import Rule
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import note_at, position
from cspcomposer.solver import Answer, Solver, Source, Term
from cspcomposer.specfile import LoadedSpec

SECONDS = 15.0
MOST_LINES = 12


@dataclass(frozen=True)
class Conflict:
    """Why there is no solution.

    Attributes:
        summary: Half a sentence.
        lines: Demands that cannot all be met: given lines and rules, each with its place.
        relaxation: What the smallest way out would break.
        atoms: The demands as violations to be avoided.
    """

    summary: str
    lines: tuple[Fault, ...]
    relaxation: tuple[Fault, ...]
    atoms: tuple[Term, ...]


def explain(
    solver: Solver,
    program: Sequence[Source],
    plan: Outline,
    chords: str,
    loaded: LoadedSpec,
    own: Sequence[Path] = (),
    within: facts_slice.Part | None = None,
) -> Conflict:
    """Return why an outline has no solution.

    Args:
        solver: Where to look.
        program: Theory and rules, with what is given as wishes and no rule enforced.
        plan: What was asked for.
        chords: Facts: every chord is considered.
        loaded: Where it was asked for.
        own: Rule files of the user's own.
        within: The part that has none, if that is known.
    """
    rules = {rule.id: rule for rule in rulebook.read(rulebook.rule_files(own))}
    sources = sliced(program, [("fault", 3), ("effective", 2)])
    try:
        solver.ground(
            [
                *sources,
                *facts_slice.told(facts_slice.Slices(facts.facts(plan)), within),
                Source("chords", chords),
            ],
            options=("--opt-strategy=usc,oll,stratify", "--opt-usc-shrink=min"),
        )
    except OutOfTime:
        return _unexplained()
    hard = [
        str(a.arguments[0]) for a in solver.atoms("effective", 2) if str(a.arguments[1]) == "hard"
    ]
    hard.sort(key=lambda name: (rules[name].stage != "given", name))
    found = solver.conflict("fault", 3, first=hard, seconds=SECONDS)
    if found is None:
        return _unexplained()
    if not found:
        return Conflict(
            "some free voice has no note that it can sing, whatever the rules.",
            (Fault("Look at the ranges of the voices and at the chords of the style."),), (), (),
        )  # fmt: skip
    ticking = facts.clock(plan)
    lines = _lines(found, rules, plan, ticking, loaded)
    best: Answer | None = None
    for step in solver.solve(show=["fault"], seconds=SECONDS):
        best = step if isinstance(step, Answer) else best
    broken = [a for a in best.atoms if str(a.arguments[0]) in hard] if best else []
    relaxation = _lines(broken, rules, plan, ticking, loaded)
    # What is given is given up; a rule is broken.
    ways = (
        (Fault("The smallest way out that was found is to give up this:"), *relaxation)
        if relaxation
        else ()
    )
    return Conflict("these demands cannot all be met.", lines, ways, found)


def _unexplained() -> Conflict:
    """Return what is said where there is no solution, and no time to find out why."""
    way = "Compose fewer bars at a time, or give less, until it is clear where they collide."
    return Conflict("finding out why took too long, and was given up.", (Fault(way),), (), ())


def _lines(
    atoms: Sequence[Term],
    rules: dict[str, Rule],
    plan: Outline,
    ticking: Clock,
    loaded: LoadedSpec,
) -> tuple[Fault, ...]:
    """Return violations as sentences with places, each once, in the order of time."""
    said: dict[str, Fault] = {}
    for atom in sorted(atoms, key=lambda a: (a.arguments[1], str(a))):
        rule = rules[str(atom.arguments[0])]
        fault = _line(rule, ticking.time(atom.arguments[1]), atom.arguments[2], plan, loaded)
        said.setdefault(str(fault), fault)
    out = list(said.values())
    if len(out) > MOST_LINES:
        rest = len(out) - MOST_LINES
        out = [*out[:MOST_LINES], Fault(f"... and {rest} more like these.")]
    return tuple(out)


def _line(rule: Rule, moment: Fraction, who: Term, plan: Outline, loaded: LoadedSpec) -> Fault:
    named = words.terms(who)
    voice = named.get("voice", "")
    given = rule.stage == "given"
    figured = "figures" in rule.message
    if given and len(named) == 1 and not figured and voice in {v.name for v in plan.score.voices}:
        note = note_at(plan.score.voice(voice), moment)
        if note:
            bar, beat = position(plan.score, note.onset)
            place = f"bar {bar}, beat {words.beat_text(beat)}"
            if voice not in loaded.spec.given:
                return Fault(f"{place}: {pitches.name(note.pitch)} of the {voice} is kept.")
            line, column = _written(loaded, voice, note.onset)
            text = f"{pitches.name(note.pitch)} is given in {place}."
            return Fault(text, loaded.path, line, column, f"given.{voice}")
    bar, beat = position(plan.score, moment)
    text = f"{rule.title}: {words.sentence(rule, who)}"
    if given and loaded.spec.given.keys() & {"figures", "numerals"}:
        index = next((i for i, f in enumerate(loaded.figures) if f.onset == moment), None)
        line, column = (
            loaded.place("given.figures", index) if figured else loaded.place("given.numerals")
        )
        return Fault(f"bar {bar}, beat {words.beat_text(beat)}: {text}", loaded.path, line, column)
    return Fault(f"bar {bar}, beat {words.beat_text(beat)}: {text}")


def _written(loaded: LoadedSpec, voice: str, onset: Fraction) -> tuple[int, int]:
    """Return where a given note stands in the specification."""
    for note in loaded.melodies.get(voice, ()):
        if note.onset == onset:
            return note.line, note.column
    return loaded.place(f"given.{voice}")
