"""What a master wrote at a beat, and what the hard rules would have let him write instead.

The beats around are given as they are, and so is the melody; clingo lists the other voices' notes
and chords, and counts which soft rules each of these alternatives breaks. Knows no rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cspcomposer import facts, rulebook
from cspcomposer.analyse import known_numerals
from cspcomposer.facts import Outline, key_at
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Note, Score, note_at, pulses
from cspcomposer.solver import Answer, Solver, Source

SOFT = ("strong", "mild")
# Beats given on either side: as far as most rules look.
BEFORE, AFTER = 2, 2
# Chords tried besides the master's own, voices open, alternatives listed at most.
CHORDS, OPEN, MOST = 7, 3, 5_000
# What a few beats cannot show: whole phrases, and what a specification gives.
_ABSENT = ("form", "given", "plan")
_SHOWN = ("broken/2", "own/0")
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """A beat: what was written among what could have been.

    Attributes:
        counts: Ways to break the rules, one to a row: how often each rule is broken; shape
            (ways, rules). What every alternative breaks alike is not counted.
        many: How many alternatives break the rules in each of these ways.
        own: The row of what was written.
    """

    counts: Counts
    many: Counts
    own: int


def soft_rules(style: str) -> dict[str, str]:
    """Return the strong and mild rules that a few beats can break, in order; their severities."""
    words = sorted(rulebook.severities(style, _absent()).items())
    return {rule: word for rule, word in words if word in SOFT}


def choices(
    solver: Solver,
    score: Score,
    *,
    beats: int,
    rules: Sequence[str],
    style: str,
    chance: np.random.Generator,
) -> Iterator[Choice | None]:
    """Yield what could have been written at some beats of a score.

    None stands for a beat at which what was written is not among what the composer may choose:
    notes foreign to the chord, or broken hard rules.

    Args:
        solver: Grounds and lists.
        score: With keys and chords.
        beats: How many beats to try.
        rules: The rules whose faults are counted.
        style: Name of a style.
        chance: Picks beats, chords, and voices where there are many.
    """
    every = list(pulses(score))
    moments = [t for t in every if all(note_at(v, t) for v in score.voices)]
    picked = chance.permutation(len(moments))[:beats]
    for time in sorted(moments[i] for i in picked):
        place = every.index(time)
        times = every[max(0, place - BEFORE) : place + AFTER + 1]
        plan, more = _posed(score, tuple(times), time, style, chance)
        texts = [*_program(style), Source("beats", f"{facts.facts(plan)}\n{more}")]
        solver.ground(texts, options=["--models=0"], show=_SHOWN)
        yield _listed(solver, rules)


def _posed(
    score: Score,
    times: tuple[Fraction, ...],
    here: Fraction,
    style: str,
    chance: np.random.Generator,
) -> tuple[Outline, str]:
    """Return a passage with one beat open, and as facts which chords are tried and what was."""
    names = [v.name for v in score.voices]
    lower = names[1:] or names
    free = sorted(str(n) for n in chance.permutation(lower)[:OPEN])
    ranged = rulebook.ranges(style)
    compass = {
        v.name: (min(n.pitch for n in v.notes), max(n.pitch for n in v.notes))
        for v in score.voices
        if v.name in free and v.name not in ranged
    }
    open_ = {name: frozenset({here}) for name in free}
    plan = Outline(_passage(score, times, here, free), times, open_, compass=compass)
    at = facts.clock(plan).ticks
    chord = {time: _chord(score, time) for time in times}
    others = [n for n in known_numerals(str(key_at(score.keys, here))) if n != chord[here]]
    tried = [chord[here], *(others[i] for i in chance.permutation(len(others))[:CHORDS])]
    lines = [f'considered({at(t)},"{n}").' for t, n in chord.items() if t != here]
    lines += [f'considered({at(here)},"{n}").' for n in tried]
    notes = ((v.name, note_at(v, here)) for v in score.voices)
    written = ", ".join(f"pitch({name},{at(here)},{note.pitch})" for name, note in notes if note)
    lines.append(f'own :- harmony({at(here)},"{chord[here]}"), {written}.')
    return plan, "\n".join(lines)


def _passage(score: Score, times: Sequence[Fraction], here: Fraction, free: Sequence[str]) -> Score:
    """Return some beats of a score, one note to a beat; at one beat some voices are free."""
    spans = list(zip(times, [*times[1:], times[-1] + 1], strict=True))
    voices = []
    for voice in score.voices:
        sounding = ((a, b, note_at(voice, a)) for a, b in spans)
        notes = tuple(
            Note(a, b - a, note.pitch)
            for a, b, note in sounding
            if note and not (a == here and voice.name in free)
        )
        voices.append(replace(voice, notes=notes))
    bars = (m for m in score.measures if m.onset <= times[-1] and m.onset + m.length > times[0])
    ends = (end for end in score.phrase_ends if end in times)
    return replace(
        score, voices=tuple(voices), chords=(), measures=tuple(bars), phrase_ends=tuple(ends)
    )


def _chord(score: Score, time: Fraction) -> str:
    index = bisect_right(score.chords, time, key=lambda c: c.onset) - 1
    return score.chords[max(index, 0)].numeral


def _listed(solver: Solver, rules: Sequence[str]) -> Choice | None:
    """Return the alternatives of the passage that is grounded."""
    ways: Counter[tuple[int, ...]] = Counter()
    own: tuple[int, ...] | None = None
    for answer in solver.solve(show=(), answers=MOST):
        if isinstance(answer, Answer):
            said = {str(a.arguments[0]): a.arguments[1] for a in answer.atoms if a.arguments}
            way = tuple(said.get(rule, 0) for rule in rules)
            ways[way] += 1
            if any(a.name == "own" for a in answer.atoms):
                own = way
    if own is None or sum(ways.values()) == MOST:
        return None
    rows = sorted(ways)
    counts = np.array(rows, dtype=np.int64).reshape(len(rows), len(rules))
    many = np.array([ways[row] for row in rows], dtype=np.int64)
    return Choice(counts - counts.min(axis=0), many, rows.index(own))


def _absent() -> dict[str, str]:
    """Return severities that silence the rules about what a few beats do not have."""
    return dict.fromkeys(rulebook.of_stages(*_ABSENT), "off")


@lru_cache(maxsize=4)
def _program(style: str) -> tuple[Source, ...]:
    texts = rulebook.program(
        ["harmony", "voices", "given"], "compare", style=style, overrides=_absent(),
        heeded=("hard", *SOFT), priors=(),
    )  # fmt: skip
    return tuple(sliced(texts, [("broken", 2), ("pitch", 3), ("harmony", 2)]))
