"""Harmonisations of a tune: Bach's own, those of the composer, and those drawn from a model alone.

A tune is known by a name and the function that finds it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cspcomposer import compose, render, specfile
from cspcomposer import pitch as pitches
from cspcomposer.errors import CSPComposerError
from cspcomposer.score import Key, Note, Score, Voice, clef_for
from neural_priors import codes, folk, infer, prepare
from neural_priors.frames import (
    SIGNS,
    UNKNOWN,
    VOICES,
    Frames,
    chord_names,
    frames,
    home,
    unplanned,
)
from neural_priors.metrics import Judged, judged
from neural_priors.tables import counted

SEED = 1
# Without any preference the search is slow: every fourth tune must do.
SLOWLY, SLOW = frozenset({"rules only"}), 4
Find = Callable[[str], Score]


@dataclass(frozen=True)
class Setting:
    """One harmonisation: the figures, the seconds it took, or why there is none."""

    name: str
    judged: Judged | None
    seconds: float
    failure: str = ""


Work = Callable[[str], Setting]


def setting(name: str, *, model: str, temperature: float, found: Find = prepare.score) -> Setting:
    """Return a soprano set by the composer."""
    tune = found(name)
    key = home(tune)
    begin = time.monotonic()
    try:
        piece = composed(tune, key, model, temperature)
    except CSPComposerError as error:
        return Setting(name, None, time.monotonic() - begin, str(error).splitlines()[0])
    seconds = time.monotonic() - begin
    return Setting(name, _judged(piece, tune, key), seconds)


def composed(tune: Score, key: Key, model: str, temperature: float) -> Score:
    """Return a setting of a soprano: one note to a beat, no more known than tune and key."""
    with tempfile.TemporaryDirectory() as folder:
        soprano = replace(tune, voices=tune.voices[:1], chords=(), keys=())
        render.write(soprano, Path(folder), "tune", ("musicxml",))
        path = Path(folder) / "piece.yaml"
        path.write_text(
            f"key: {key}\nsurface: none\nprior: {{model: {model}, temperature: {temperature}}}\n"
            f"seed: {SEED}\ngiven:\n  soprano: {{file: tune.musicxml}}\n",
            encoding="utf-8",
        )
        return compose.compose(specfile.load(path)).score


def own(name: str) -> Setting:
    """Return Bach's own setting, judged as the others are."""
    bach = prepare.score(name)
    return Setting(name, judged(bach, bach, home(bach)), 0.0)


def drawn(name: str, *, model: str, found: Find = prepare.score) -> Setting:
    """Return a setting drawn from a model alone, no rule heeded."""
    tune = found(name)
    key = home(tune)
    begin = time.monotonic()
    seen = unplanned(frames(tune, key))
    chance = np.random.default_rng(SEED)
    if model == "tables":
        notes = counted("canonical").sample(codes.coded(seen), chance)
    else:
        notes = _dream(seen, chance)
    seconds = time.monotonic() - begin
    return Setting(name, _judged(_sung(tune, key, seen, notes), tune, key), seconds)


def _judged(piece: Score, tune: Score, key: Key) -> Judged:
    """Return the figures beside Bach's setting; where there is only a tune, beside the piece."""
    if len(tune.voices) == len(VOICES):
        return judged(piece, tune, key)
    return judged(piece, piece, key, tune=tune)


def _dream(seen: Frames, chance: np.random.Generator) -> codes.Codes:
    """Return [4, F]: notes drawn from the factor network, chords first."""
    hidden = seen.pitches.copy()
    hidden[1:] = UNKNOWN
    suits = infer.suits(replace(seen, pitches=hidden))
    names = chord_names()
    mode = seen.signs[list(SIGNS).index("mode")]
    chord = _walk(np.where(codes.known(names)[mode], suits.chords, -1e4), suits.follows, chance)
    out = codes.coded(seen).voices.copy()
    for voice in range(1, len(VOICES)):
        member = codes.member_codes(voice, names)[chord]
        wanted = np.pad(suits.members[:, voice], ((0, 0), (0, 1)), constant_values=-1e4)
        fit = suits.heights[voice] + np.take_along_axis(wanted, member, 1)
        out[voice] = _walk(fit, suits.steps[voice][codes.spans(voice)], chance)
    return out


def _walk(suits: infer.Wishes, moves: infer.Wishes, chance: np.random.Generator) -> codes.Codes:
    """Return a path drawn from a chain: forward sums, backward draws."""
    ahead = [suits[0].astype(np.float64)]
    for column in suits[1:]:
        ahead.append(np.logaddexp.reduce(ahead[-1][:, None] + moves, axis=0) + column)
    path: list[int] = []
    for column in reversed(ahead):
        wish = column if not path else column + moves[:, path[-1]]
        weight = np.exp(wish - wish.max())
        path.append(int(chance.choice(len(weight), p=weight / weight.sum())))
    return np.array(path[::-1])


def _sung(tune: Score, key: Key, seen: Frames, notes: codes.Codes) -> Score:
    """Return notes drawn for alto, tenor and bass under a soprano, as a score."""
    times = (*seen.times, tune.end)
    voices = [tune.voices[0]]
    for voice in range(1, len(VOICES)):
        line = []
        for column, time_ in enumerate(seen.times):
            if notes[voice, column] < codes.HEIGHTS[voice]:
                height = int(notes[voice, column]) + codes.LOWEST[voice] - seen.shift
                spelled = pitches.spelled(height, key.fifths + 1)
                line.append(Note(time_, times[column + 1] - time_, spelled))
        clef = clef_for(codes.LOWEST[voice] + codes.HEIGHTS[voice] // 2)
        voices.append(Voice(VOICES[voice], VOICES[voice].title(), clef, tuple(line)))
    return replace(tune, voices=tuple(voices), keys=(), chords=())


def _works(found: Find) -> dict[str, Work]:
    return {
        "tables alone, drawn": partial(drawn, model="tables", found=found),
        "network alone, drawn": partial(drawn, model="chorale", found=found),
        "rules only": partial(setting, model="none", temperature=0.3, found=found),
        "tables + rules": partial(setting, model="tables", temperature=0.3, found=found),
        "network + rules": partial(setting, model="chorale", temperature=0.3, found=found),
        "network + rules, no chance": partial(
            setting, model="chorale", temperature=0.0, found=found
        ),
    }


CHORALES: dict[str, Work] = {"Bach": own, **_works(prepare.score)}
FOLK: dict[str, Work] = {
    title: work
    for title, work in _works(folk.tune).items()
    if title not in ("tables alone, drawn", "network + rules, no chance")
}
