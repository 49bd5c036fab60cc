"""The surface: passing notes, neighbours, suspensions on a setting of one note to the beat.

Lays the half-way points between beats into the setting, asks the solver which of them are struck
and which notes come late, and writes the answer back into notes. What may stand where is theory,
what is likely a prior; none of it is known here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, zip_longest
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Literal

from cspcomposer import facts, priors, rulebook
from cspcomposer.errors import OutOfTime
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import Further, nothing
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Note, Score, Voice, beats
from cspcomposer.search import Effort
from cspcomposer.solver import Answer, Outcome, Solver, Source
from cspcomposer.spec import Surface

Status = Literal["none", "optimal", "feasible", "out of time", "impossible"]
CONFLICTS = 20_000
LEAST = 0.2
OPTIONS = ("--opt-strategy=usc,oll",)
# Kept away from the best the former seldom ends; its surfaces were two or three times as dear.
APART = ("--opt-strategy=usc,k,stratify",)
WANTED = {"ornament": 3, "delayed": 3}
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Decorated:
    """A setting with its surface.

    Attributes:
        score: The setting; as it was where no surface was found.
        status: "none" (there is nothing to adorn, or nothing was wanted), "optimal" (no better
            surface exists on this setting), "feasible", "out of time" or "impossible".
        cost: Strong faults, then mild faults and preferences; empty where no surface was found.
    """

    score: Score
    status: Status
    cost: tuple[int, ...] = ()


def decorated(
    solver: Solver,
    score: Score,
    plan: Outline,
    *,
    style: str,
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
    seed: int = 0,
    effort: Effort | None = None,
    density: Surface = "some",
    further: Further = nothing,
) -> Decorated:
    """Return a setting with its surface: the same chords, and more notes between the beats.

    Args:
        solver: Where to search; what it has grounded is lost.
        score: The setting.
        plan: The outline that it fills; only notes that are not given there are adorned.
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.
        seed: The same seed gives the same surface.
        effort: How long to search, grounding included in its seconds; a sensible number of
            conflicts if left out.
        density: "none" returns the setting as it is; so does a setting that breaks hard rules, or
            one too long to be grounded in time.
        further: What else holds, said of the outline with its open surface.
    """
    outline = _open(score, plan)
    if density == "none" or not outline.further:
        return Decorated(score, "none")
    noise = priors.Noise(seed, temperature=1.0)
    sources = [
        *_program(style, tuple(sorted(overrides.items())), tuple(folders)),
        Source("skeleton", facts.facts(outline)),
        Source("prior", f"surface({density}).\n{_taste(outline, noise)}"),
        Source("sections", "\n".join(_sectional(outline))),
        *further(outline),
    ]
    effort = effort or Effort(CONFLICTS)
    options = (*(OPTIONS if further is nothing else APART), f"--seed={seed}")
    signatures = [f"{name}/{arity}" for name, arity in WANTED.items()]
    best: Answer | None = None
    outcome: Outcome | None = None
    begin = monotonic()
    # A setting found is not given up because it is too long to be adorned.
    with suppress(OutOfTime):
        solver.ground(sources, options=options, show=signatures, seconds=effort.seconds)
        spent = monotonic() - begin
        left = None if effort.seconds is None else max(LEAST, effort.seconds - spent)
        for step in solver.solve(show=list(WANTED), conflicts=effort.conflicts, seconds=left):
            if isinstance(step, Answer):
                best = step
            else:
                outcome = step
    if best is None:
        never = outcome is not None and outcome.satisfiable is False
        return Decorated(score, "impossible" if never else "out of time")
    proven = outcome is not None and outcome.exhausted
    return Decorated(_written(score, outline, best), "optimal" if proven else "feasible", best.cost)


@lru_cache(maxsize=8)
def _program(
    style: str, overrides: tuple[tuple[str, str], ...], folders: tuple[Path, ...]
) -> list[Source]:
    """Return theory, rules and habits, without what they do not need."""
    texts = rulebook.program(
        ["surface"], "enforce", style=style, overrides=dict(overrides), folders=folders,
        heeded=("hard", "strong", "mild"), priors=("surface",),
    )  # fmt: skip
    return sliced(texts, list(WANTED.items()))


def _open(score: Score, plan: Outline) -> Outline:
    """Return the setting as an outline whose surface is open from each chosen note to the next."""
    given = {voice.name: frozenset(voice.notes) for voice in plan.score.voices}
    chosen = {v.name: [n for n in v.notes if n not in given[v.name]] for v in score.voices}
    steadfast: dict[str, set[Fraction]] = {voice.name: set() for voice in score.voices}
    further: set[Fraction] = set()
    pulses = list(beats(score))
    starts, stops = [start for start, _, _ in pulses], [stop for _, _, stop in pulses]
    for voice in score.voices:
        for first, second in pairwise(voice.notes):
            if first in given[voice.name]:
                continue
            if second in given[voice.name]:
                steadfast[voice.name].add(second.onset)
            until = bisect_left(score.phrase_ends, second.onset)
            inside = bisect_left(score.phrase_ends, first.onset) < until
            if first.end == second.onset and not inside:
                within = bisect_left(starts, first.onset), bisect_right(stops, second.onset)
                inner = pulses[slice(*within)]
                further.update(middle for _, middle, _ in inner)
                # In a long note there is room for another one on its last beat, too.
                further.update(start for start, _, _ in inner[1:])
    return replace(
        plan,
        score=score,
        free={},
        adornable={name: frozenset(n.onset for n in notes) for name, notes in chosen.items()},
        steadfast={name: frozenset(times) for name, times in steadfast.items()},
        further=tuple(sorted(further)),
    )


def _sectional(outline: Outline) -> Iterator[str]:
    """Yield how dense the surface is wished where the plan says it of a section."""
    at = facts.clock(outline).ticks
    for time in facts.grid(outline):
        said = outline.plan.density_at(time) if outline.plan else ""
        if said:
            yield f"surface_at({at(time)},{said})."


def _taste(outline: Outline, noise: priors.Noise) -> str:
    """Return what chance likes: at the middles, and at the notes that might come late."""
    at = facts.clock(outline).ticks
    middles = [at(time) for time in outline.further]
    return "\n".join(
        noise.surface(name, middles, sorted(map(at, times)))
        for name, times in outline.adornable.items()
        if times
    )


def _written(score: Score, outline: Outline, answer: Answer) -> Score:
    """Return a setting with the ornaments and the late notes of an answer."""
    time = facts.clock(outline).time
    struck: dict[str, dict[Fraction, int]] = {}
    late: dict[str, dict[Fraction, Fraction]] = {}
    for atom in answer.atoms:
        voice, begin, value = atom.arguments
        if atom.name == "ornament":
            struck.setdefault(str(voice), {})[time(begin)] = value
        elif atom.name == "delayed":
            late.setdefault(str(voice), {})[time(begin)] = time(value)
    voices = tuple(
        replace(v, notes=tuple(_adorned(v, struck.get(v.name, {}), late.get(v.name, {}))))
        for v in score.voices
    )
    return replace(score, voices=voices)


def _adorned(
    voice: Voice, struck: Mapping[Fraction, int], late: Mapping[Fraction, Fraction]
) -> Iterator[Note]:
    """Yield a voice's notes: each lasts until the next, or until a rest that was there before."""
    notes = {note.onset: note for note in voice.notes}
    rests = sorted(n.end for n in voice.notes if n.end not in notes)
    for due, comes in late.items():
        note = notes.pop(due)
        notes.setdefault(comes, replace(note, onset=comes))
    for onset, pitch in struck.items():
        notes[onset] = Note(onset, Fraction(1), pitch)
    times = sorted(notes)
    for onset, following in zip_longest(times, times[1:]):
        stop = next(end for end in rests if end > onset)
        if following is not None and following < stop:
            stop = following
        yield replace(notes[onset], duration=stop - onset)
