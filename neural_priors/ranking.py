"""How high a model ranks Bach's own voicing among all that the hard rules allow.

The soprano of a beat, and all of Bach's beat before it, are given; clingo lists every alto, tenor
and bass that the hard rules of the style permit there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cspcomposer import facts, rulebook
from cspcomposer import pitch as pitches
from cspcomposer.facts import Outline, key_at
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Note, Score, Signature, note_at
from cspcomposer.solver import Answer, Solver, Source
from neural_priors import codes, infer
from neural_priors.frames import VOICES, Frames, frames, home, unplanned
from neural_priors.prepare import Split, score
from neural_priors.tables import Tables, counted

MOST = 20_000
# What the rules list from: all chords that they know, or only the key's own triads and its dominant
# seventh, which is near to what others have ranked among.
SUPPLIES = {
    "all": "considered(T,N) :- possible(T,N).",
    "plain": "considered(T,N) :- possible(T,N), key(T,_,Mode), family(Mode,N,triads).\n"
    'considered(T,"V7") :- possible(T,"V7").',
}
_LIST = ("--models=0", "--project=show")
_FREE = VOICES[1:]


@dataclass(frozen=True)
class Rank:
    """Where Bach's voicing of one beat stands.

    Attributes:
        legal: How many voicings the rules allow.
        places: By model, its place among them; ties share their mean.
    """

    legal: int
    places: dict[str, float]


def ranked(
    name: str, *, split: Split, every: int, seed: int, supply: str = "all"
) -> list[Rank | None]:
    """Return the ranks at some beats of a piece; None where Bach's own voicing is not listed.

    Args:
        name: The piece.
        split: Whose models are asked.
        every: Every how many beats.
        seed: For the row that guesses.
        supply: One of `SUPPLIES`.
    """
    bach = score(name)
    seen = unplanned(frames(bach, home(bach)))
    tables = counted(split)
    ends = set(bach.phrase_ends)
    chance = np.random.default_rng(seed)
    out: list[Rank | None] = []
    with Solver() as solver:
        for column in range(1, len(seen.times), every):
            before, here = seen.times[column - 1], seen.times[column]
            silent = (seen.pitches[:, column - 1 : column + 1] < 0).any()
            if silent or any(before <= end < here for end in ends):
                continue
            legal = _legal(solver, bach, before, here, supply)
            own = tuple(int(h) for h in seen.pitches[1:, column] - seen.shift)
            if own in legal:
                out.append(_rank(seen, column, legal, own, split, tables, chance))
            else:
                out.append(None)
    return out


def _legal(
    solver: Solver, bach: Score, before: Fraction, here: Fraction, supply: str = "all"
) -> list[tuple[int, ...]]:
    """Return the heights of every alto, tenor and bass that the rules allow."""
    step = here - before
    voices = []
    for voice in bach.voices:
        first, second = note_at(voice, before), note_at(voice, here)
        assert first and second
        notes = [Note(Fraction(0), step, first.pitch)]
        if voice.name == VOICES[0]:
            notes.append(Note(step, step, second.pitch))
        voices.append(replace(voice, notes=tuple(notes)))
    bar = replace(bach.measures[0], number=1, onset=Fraction(0), length=2 * step, beats=2, unit=4)
    two = Score(
        "", "", bach.tempo, tuple(voices), (bar,), (Signature(Fraction(0), 0),),
        (replace(key_at(bach.keys, here), onset=Fraction(0)),),
    )  # fmt: skip
    plan = Outline(two, (Fraction(0), step), dict.fromkeys(_FREE, frozenset({step})))
    solver.ground(
        [*_program(), Source("two", f"{facts.facts(plan)}\n{SUPPLIES[supply]}")],
        options=_LIST,
        show=["pitch/3"],
    )
    tick = facts.clock(plan).ticks(step)
    found = set()
    for answer in solver.solve(show=["pitch"], answers=MOST):
        if isinstance(answer, Answer):
            now = [a.arguments for a in answer.atoms if a.arguments[1] == tick]
            said = {str(voice): height for voice, _, height in now}
            found.add(tuple(pitches.midi(said[name]) for name in _FREE))
    return sorted(found)


@cache
def _program() -> tuple[Source, ...]:
    """Return theory and hard rules; a beat out of its phrase has no form."""
    form = dict.fromkeys(rulebook.of_stages("form", "plan"), "off")
    texts = rulebook.program(
        ["harmony", "voices", "given"], "enforce", style="chorale", overrides=form,
        heeded=("hard",), priors=(),
    )  # fmt: skip
    return tuple(sliced(texts, [("pitch", 3)]))


def _rank(
    seen: Frames,
    column: int,
    legal: Sequence[tuple[int, ...]],
    own: tuple[int, ...],
    split: Split,
    tables: Tables,
    chance: np.random.Generator,
) -> Rank:
    past = seen.pitches[1:, column - 1] - seen.shift
    heights = np.array(legal)
    lowest = np.array(codes.LOWEST[1:])
    most = np.array(codes.HEIGHTS[1:]) - 1
    alto, tenor, bass = np.clip(heights + seen.shift - lowest, 0, most).T
    scores: dict[str, NDArray[np.float64]] = {
        "chance": chance.random(len(legal)),
        "least motion": -np.abs(heights - past).sum(1).astype(float),
        "tables": tables.voicings(codes.coded(seen), column)[bass, tenor, alto],
        "network": infer.voicings(seen, [column], split=split)[0][bass, tenor, alto].astype(float),
    }
    place = list(legal).index(own)
    return Rank(
        len(legal),
        {
            model: 1 + float((s > s[place]).sum()) + (float((s == s[place]).sum()) - 1) / 2
            for model, s in scores.items()
        },
    )


def lines(found: Sequence[Rank | None]) -> Iterator[str]:
    """Yield a table: how often Bach's voicing is first, among five, among twenty."""
    known = [r for r in found if r]
    counts = sorted(r.legal for r in known)
    yield (
        f"{len(known)} of {len(found)} beats ({len(known) / len(found):.0%}) are among what the "
        f"hard rules allow; in the median these are {counts[len(counts) // 2]} voicings."
    )
    yield from ("", "| model | first | in five | in twenty | mean reciprocal rank |")
    yield "|---|--:|--:|--:|--:|"
    for model in known[0].places:
        places = np.array([r.places[model] for r in known])
        share = " | ".join(f"{(places <= top).mean():.1%}" for top in (1, 5, 20))
        yield f"| {model} | {share} | {(1 / places).mean():.3f} |"
