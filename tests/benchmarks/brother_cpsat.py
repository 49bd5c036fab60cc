"""The problem "harmony" of the MiniZinc Challenge 2024, instance *brother*, for OR-tools CP-SAT.

Written after Harmony.py of xcsp3team/PyCSP3-models, which translates the challenge's model. What
that model calls the root is the lowest pitch class of a chord, counted from C; it is kept so.
`brother.py` has the same problem in rule files.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

# By voice from the highest: the lowest and the highest note as MIDI numbers.
RANGES = ((60, 79), (55, 72), (48, 67), (41, 60))
CHORDS = ((0, 4, 7), (2, 5, 9), (4, 7, 11), (0, 5, 9), (2, 7, 11), (2, 5, 7, 11), (0, 4, 9))
WIDEST = 13
STRETCH, MOVEMENT = 8, 4


@dataclass(frozen=True)
class Solved:
    """How a solver ended.

    Attributes:
        optimal: Whether nothing better exists.
        cost: Of the best answer; None without one.
        bound: What any answer costs at least.
        music: By voice from the highest, MIDI numbers.
        seconds: Until the proof, or until the limit.
    """

    optimal: bool
    cost: int | None
    bound: int
    music: tuple[tuple[int, ...], ...]
    seconds: float


def solved(
    melody: list[int], *, stationary: int = 2, seconds: float = 300, workers: int = 2
) -> Solved:
    """Return the best setting of a melody.

    Args:
        melody: MIDI numbers in C major, a multiple of four of them.
        stationary: How often a lower voice may have one note in a row.
        seconds: A limit.
        workers: How many threads.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    steps = range(len(melody))
    lines = [[_note(model, v, melody[t]) for t in steps] for v in range(4)]
    chords = [model.new_int_var(0, len(CHORDS) - 1, "") for _ in steps]
    costs = []
    for t in steps:
        costs += _sounded(model, chords[t], [line[t] for line in lines], melody[t])
    for upper, lower in combinations(lines, 2):
        _no_parallels(model, upper, lower)
    _progression(model, chords)
    for line in lines[1:]:
        _lively(model, line, stationary)
    costs += [_widest_leap(model, line) for line in lines]
    model.minimize(sum(costs))
    return _run(model, lines, seconds, workers)


def _note(model: cp_model.CpModel, voice: int, given: int) -> cp_model.IntVar:
    from ortools.sat.python import cp_model

    domain = [given] if voice == 0 else _sung(voice)
    return model.new_int_var_from_domain(cp_model.Domain.from_values(domain), "")


@cache
def _sung(voice: int) -> list[int]:
    low, high = RANGES[voice]
    classes = {p for chord in CHORDS for p in chord}
    return [p for p in range(low, high + 1) if p % 12 in classes]


def _sounded(
    model: cp_model.CpModel, chord: cp_model.IntVar, notes: list[cp_model.IntVar], given: int
) -> list[cp_model.IntVar]:
    """Let four voices, none crossing another or far from it, sound all of a chord and no more.

    Returns:
        What that costs: one if the bass does not have the chord's lowest pitch class, one if only
        one voice has it.
    """
    inverted, single = model.new_bool_var(""), model.new_bool_var("")
    model.add_allowed_assignments([chord, *notes, inverted, single], _rows(given))
    return [inverted, single]


@cache
def _rows(given: int) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = []
    for notes in product([given], _sung(1), _sung(2), _sung(3)):
        spaced = notes[0] - notes[1] <= WIDEST and notes[1] - notes[2] <= WIDEST
        if not spaced or any(upper <= lower for upper, lower in pairwise(notes)):
            continue
        classes = [p % 12 for p in notes]
        for c, tones in enumerate(CHORDS):
            if set(classes) == set(tones):
                root = min(tones)
                rows.append((c, *notes, int(classes[3] != root), int(classes.count(root) == 1)))
    return rows


def _no_parallels(
    model: cp_model.CpModel, upper: list[cp_model.IntVar], lower: list[cp_model.IntVar]
) -> None:
    """Forbid two fifths and two octaves in a row, also where nothing moves."""
    found = []
    for p, q in zip(upper, lower, strict=True):
        fifth, octave = model.new_bool_var(""), model.new_bool_var("")
        rows = [
            (a, b, int((a - b) % 12 == 7), int((a - b) % 12 == 0))
            for a, b in product(_values(p), _values(q))
        ]
        model.add_allowed_assignments([p, q, fifth, octave], rows)
        found.append((fifth, octave))
    for now, then in pairwise(found):
        for a, b in zip(now, then, strict=True):
            model.add_bool_or(~a, ~b)


def _values(note: cp_model.IntVar) -> list[int]:
    ends = list(note.proto.domain)
    spans = zip(ends[::2], ends[1::2], strict=True)
    return [p for low, high in spans for p in range(low, high + 1)]


def _progression(model: cp_model.CpModel, chords: list[cp_model.IntVar]) -> None:
    """Let the chord change at every step, and no four chords come twice running."""
    for now, then in pairwise(chords):
        model.add(now != then)
    for first in range(0, len(chords) - 4, 4):
        differ = []
        for a, b in zip(chords[first : first + 4], chords[first + 4 : first + 8], strict=True):
            differ.append(model.new_bool_var(""))
            model.add(a != b).only_enforce_if(differ[-1])
        model.add_bool_or(differ)


def _lively(model: cp_model.CpModel, line: list[cp_model.IntVar], stationary: int) -> None:
    """Let a line leave its note in time, and have some compass in every eight notes."""
    stays = []
    for now, then in pairwise(line):
        stays.append(model.new_bool_var(""))
        model.add(now == then).only_enforce_if(stays[-1])
        model.add(now != then).only_enforce_if(~stays[-1])
    for first in range(len(stays) - stationary + 1):
        model.add_bool_or(~stay for stay in stays[first : first + stationary])
    for first in range(0, len(line), STRETCH):
        apart = []
        for p, q in combinations(line[first : first + STRETCH], 2):
            for more, less in ((p, q), (q, p)):
                apart.append(model.new_bool_var(""))
                model.add(more - less > MOVEMENT).only_enforce_if(apart[-1])
        model.add_bool_or(apart)


def _widest_leap(model: cp_model.CpModel, line: list[cp_model.IntVar]) -> cp_model.IntVar:
    widest = model.new_int_var(0, 40, "")
    for now, then in pairwise(line):
        model.add(widest >= now - then)
        model.add(widest >= then - now)
    return widest


def _run(
    model: cp_model.CpModel, music: list[list[cp_model.IntVar]], seconds: float, workers: int
) -> Solved:
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    begin = time.perf_counter()
    status = solver.solve(model)
    spent = time.perf_counter() - begin
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return Solved(
        status == cp_model.OPTIMAL,
        round(solver.objective_value) if found else None,
        round(solver.best_objective_bound),
        tuple(tuple(solver.value(p) for p in line) for line in music) if found else (),
        spent,
    )
