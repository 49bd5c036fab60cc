"""The programs that solve the problem of `peers_problem`, each in its own way.

A contender tells every answer that it finds, good or bad, and says at the end how it ended.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peers_problem
from peers_problem import Notes, problem, sung, voicings

SPEC = Path(__file__).parent / "peers" / "peers.yaml"
SPELLED = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
Tell = Callable[[Sequence[Notes]], None]


@dataclass(frozen=True)
class Contender:
    """A program that solves the problem.

    Attributes:
        solve: Tells every answer that it finds, and returns how it ended.
        imports: What it needs, imported before the clock runs.
    """

    solve: Callable[[Tell, float], str]
    imports: tuple[str, ...]


def ours(tell: Tell, seconds: float) -> str:
    """Compose the specification, watching every better answer."""
    from cspcomposer import compose, specfile
    from cspcomposer import pitch as pitches
    from cspcomposer.search import Effort, Progress

    def watch(step: Progress) -> None:
        tell(_setting(step.answer.atoms))

    piece = compose.compose(specfile.load(SPEC), effort=Effort(None, seconds), watch=watch)
    lines = [[pitches.midi(n.pitch) for n in voice.notes] for voice in piece.score.voices]
    tell(list(zip(*lines, strict=True)))
    return "proven" if piece.status == "optimal" else "stopped"


def clingo(tell: Tell, seconds: float) -> str:
    """Give the same rules to clingo alone."""
    import proof

    from cspcomposer import specfile

    found = proof.proven(specfile.load(SPEC), seconds=seconds,
                         watch=lambda answer: tell(_setting(answer.atoms)))  # fmt: skip
    return "proven" if found.optimal else "stopped"


def _setting(atoms: Sequence[Any]) -> list[Notes]:
    from cspcomposer import pitch as pitches

    names = ("soprano", "alto", "tenor", "bass")
    sounding: dict[int, dict[str, int]] = {}
    for atom in atoms:
        if atom.name == "pitch":
            voice, tick, pitch = atom.arguments
            sounding.setdefault(tick, {})[str(voice)] = pitches.midi(pitch)
    return [tuple(sounding[tick][name] for name in names) for tick in sorted(sounding)]


def cpsat(tell: Tell, seconds: float) -> str:
    """Let OR-tools' CP-SAT minimise over tables of what may stand and what may follow."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    beats = problem().beats
    music = [
        [model.new_int_var_from_domain(cp_model.Domain.from_values(sung(beat, v)), "")
         for v in range(4)]
        for beat in beats
    ]  # fmt: skip
    ways = []
    for beat, notes in zip(beats, music, strict=True):
        model.add_allowed_assignments(notes, voicings(beat))
    for (one, before), (other, after) in pairwise(zip(beats, music, strict=True)):
        for v, w in combinations(range(4), 2):
            bad = [
                (p, q, r, s)
                for p in sung(one, v) for q in sung(one, w)
                for r in sung(other, v) for s in sung(other, w)
                if peers_problem.parallel((p, q), (r, s))
            ]  # fmt: skip
            model.add_forbidden_assignments([before[v], before[w], after[v], after[w]], bad)
        for p, q in zip(before[1:], after[1:], strict=True):
            ways.append(model.new_int_var(0, 40, ""))
            model.add_abs_equality(ways[-1], q - p)
    model.minimize(sum(ways))

    class Watch(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            tell([tuple(self.value(p) for p in notes) for notes in music])

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model, Watch())
    return "proven" if status == cp_model.OPTIMAL else "stopped"


def constraint_notes(tell: Tell, seconds: float) -> str:
    """Let python-constraint look for all solutions, a variable for each note."""
    from constraint import Problem

    model, beats = Problem(), problem().beats
    for t, beat in enumerate(beats):
        for v in range(4):
            model.addVariable((t, v), sung(beat, v))
        legal = set(voicings(beat))
        model.addConstraint(lambda *notes, legal=legal: notes in legal,
                            [(t, v) for v in range(4)])  # fmt: skip
    for t in range(len(beats) - 1):
        for v, w in combinations(range(4), 2):
            model.addConstraint(
                lambda p, q, r, s: not peers_problem.parallel((p, q), (r, s)),
                [(t, v), (t, w), (t + 1, v), (t + 1, w)],
            )
    for found in model.getSolutionIter():
        tell([tuple(found[t, v] for v in range(4)) for t in range(len(beats))])
    return "all seen"


def constraint_voicings(tell: Tell, seconds: float) -> str:
    """Let python-constraint look for all solutions, a variable for each beat's four notes."""
    from constraint import Problem

    model, beats = Problem(), problem().beats
    for t, beat in enumerate(beats):
        model.addVariable(t, voicings(beat))
    for t in range(len(beats) - 1):
        model.addConstraint(peers_problem.follows, [t, t + 1])
    for found in model.getSolutionIter():
        tell([found[t] for t in range(len(beats))])
    return "all seen"


def figured_bass(tell: Tell, seconds: float) -> str:
    """Draw realisations from music21, which needs the bass: it is told that of a best answer."""
    from music21 import key, meter, note, stream
    from music21.figuredBass import realizer, rules

    line = realizer.FiguredBassLine(key.Key("G"), meter.TimeSignature("4/4"))
    tune = stream.Part()
    for beat, notes in zip(problem().beats, swept(), strict=True):
        line.addElement(note.Note(_name(notes[3])), beat.figures or None)
        tune.append(note.Note(_name(notes[0])))
    line.overlayPart(tune)
    asked = rules.Rules()
    # It keeps to close position: of what it draws without that nothing was allowed.
    asked.forbidHiddenFifths = asked.forbidHiddenOctaves = asked.forbidVoiceOverlap = False
    asked.resolveDominantSeventhProperly = False
    found = line.realize(asked)
    # It draws from a view of a dictionary, which Python refuses since 3.11.
    realizer.random = SimpleNamespace(sample=lambda items, k: random.sample(list(items), k))
    until = time.perf_counter() + seconds
    while found.getNumSolutions() and time.perf_counter() < until:
        drawn = found.getRandomPossibilityProgression()
        tell([tuple(pitch.midi for pitch in possibility) for possibility in drawn])
    return "stopped"


def sweep(tell: Tell, seconds: float) -> str:
    """Sweep once over all voicings, by hand: what knowing the problem's structure is worth."""
    tell(swept())
    return "proven"


def _name(height: int) -> str:
    return f"{SPELLED[height % 12]}{height // 12 - 1}"


def swept() -> list[Notes]:
    """Return a best answer: the cheapest path from beat to beat."""
    beats = problem().beats
    paths: dict[Notes, tuple[int, list[Notes]]] = {n: (0, [n]) for n in voicings(beats[0])}
    for beat in beats[1:]:
        paths = {
            after: min(
                (cost + peers_problem.way(before, after), [*path, after])
                for before, (cost, path) in paths.items()
                if peers_problem.follows(before, after)
            )
            for after in voicings(beat)
        }
    return min(paths.values())[1]


CONTENDERS: dict[str, Contender] = {
    "CSPComposer": Contender(ours, ("cspcomposer.compose", "cspcomposer.specfile")),
    "clingo alone, same rules": Contender(clingo, ("proof",)),
    "OR-tools CP-SAT": Contender(cpsat, ("ortools.sat.python.cp_model",)),
    "python-constraint, a variable a note": Contender(constraint_notes, ("constraint",)),
    "python-constraint, a variable a beat": Contender(constraint_voicings, ("constraint",)),
    "music21 figuredBass, bass told": Contender(figured_bass, ("music21.figuredBass.realizer",)),
    "exact sweep, written for this": Contender(sweep, ()),
}
