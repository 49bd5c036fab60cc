"""What the networks are worth, beside tables, beside rules alone, and beside Bach himself.

`cspcomposer evaluate` writes `EVALUATION.md`; every figure in it is measured by this run.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from cspcomposer import compose, render, specfile
from cspcomposer import pitch as pitches
from cspcomposer.errors import CSPComposerError
from cspcomposer.score import Key, Note, Score
from neural_priors import codes, infer, prepare, ranking
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
from neural_priors.metrics import Bigrams, Judged, distance, harmonies, judged, progression, total
from neural_priors.prepare import Piece, Split
from neural_priors.ranking import Rank, ranked
from neural_priors.tables import counted

SEED = 1
QUICK = 8
# Every how many beats Bach's voicing is ranked.
EVERY = 12
# Without any preference the search is slow: every fourth tune must do.
SLOWLY, SLOW = frozenset({"rules only"}), 4


@dataclass(frozen=True)
class Setting:
    """One harmonisation: the figures, the seconds it took, or why there is none."""

    name: str
    judged: Judged | None
    seconds: float
    failure: str = ""


def likelihood(split: Split, pieces: Sequence[Piece]) -> dict[str, tuple[float, float, float]]:
    """Return nats a beat of alto, tenor and bass given the soprano, by model."""
    tables = counted(split)
    columns = sum(len(p.frames.times) for p in pieces)
    net, table = np.zeros(3), np.zeros(3)
    for piece in pieces:
        seen = unplanned(piece.frames)
        net += infer.surprise(seen, split=split).sum(0)
        table += tables.surprise(codes.coded(seen))
    return {
        name: (float(nats[2]), float(nats[1]), float(nats[0]))
        for name, nats in (("tables", table / columns), ("network", net / columns))
    }


def setting(name: str, *, model: str, temperature: float) -> Setting:
    """Return Bach's soprano set by the composer."""
    bach = prepare.score(name)
    key = home(bach)
    begin = time.monotonic()
    try:
        piece = composed(bach, key, model, temperature)
    except CSPComposerError as error:
        return Setting(name, None, time.monotonic() - begin, str(error).splitlines()[0])
    seconds = time.monotonic() - begin
    return Setting(name, judged(piece, bach, key), seconds)


def composed(bach: Score, key: Key, model: str, temperature: float) -> Score:
    """Return a setting of a soprano: one note to a beat, no more known than tune and key."""
    with tempfile.TemporaryDirectory() as folder:
        tune = replace(bach, voices=bach.voices[:1], chords=(), keys=())
        render.write(tune, Path(folder), "tune", ("musicxml",))
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


def drawn(name: str, *, model: str) -> Setting:
    """Return a setting drawn from a model alone, no rule heeded."""
    bach = prepare.score(name)
    key = home(bach)
    begin = time.monotonic()
    seen = unplanned(frames(bach, key))
    chance = np.random.default_rng(SEED)
    if model == "tables":
        notes = counted("canonical").sample(codes.coded(seen), chance)
    else:
        notes = _dream(seen, chance)
    seconds = time.monotonic() - begin
    return Setting(name, judged(_sung(bach, key, seen, notes), bach, key), seconds)


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


def _sung(bach: Score, key: Key, seen: Frames, notes: codes.Codes) -> Score:
    """Return notes drawn for alto, tenor and bass under Bach's soprano, as a score."""
    times = (*seen.times, bach.end)
    voices = [bach.voices[0]]
    for voice in range(1, len(VOICES)):
        line = []
        for column, time_ in enumerate(seen.times):
            if notes[voice, column] < codes.HEIGHTS[voice]:
                height = int(notes[voice, column]) + codes.LOWEST[voice] - seen.shift
                spelled = pitches.spelled(height, key.fifths + 1)
                line.append(Note(time_, times[column + 1] - time_, spelled))
        voices.append(replace(bach.voices[voice], notes=tuple(line)))
    return replace(bach, voices=tuple(voices), keys=(), chords=())


ROWS: dict[str, Callable[[str], Setting]] = {
    "Bach": own,
    "tables alone, drawn": partial(drawn, model="tables"),
    "network alone, drawn": partial(drawn, model="chorale"),
    "rules only": partial(setting, model="none", temperature=0.3),
    "tables + rules": partial(setting, model="tables", temperature=0.3),
    "network + rules": partial(setting, model="chorale", temperature=0.3),
    "network + rules, no chance": partial(setting, model="chorale", temperature=0.0),
}


def evaluated(*, quick: bool, jobs: int, console: Console | None = None) -> str:
    """Return the page.

    Args:
        quick: A few test pieces instead of all.
        jobs: How many processes compose at a time.
        console: Where progress is shown, if it is a terminal.
    """
    test = prepare.part("canonical", "test")
    names = [p.name for p in test][:: max(1, len(test) // QUICK) if quick else 1]
    rows: dict[str, list[Setting]] = {}
    silent = console is None or not console.is_terminal
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        rank = partial(ranked, split="canonical", every=EVERY, seed=SEED)
        places = track(
            pool.map(rank, names), "Ranking", len(names), console=console, transient=True,
            disable=silent,
        )  # fmt: skip
        ranks = [place for several in places for place in several]
        for title, work in ROWS.items():
            some = names[:: SLOW if title in SLOWLY else 1]
            done = track(
                pool.map(work, some), title, len(some), console=console, transient=True,
                disable=silent,
            )  # fmt: skip
            rows[title] = list(done)
    return _page(rows, ranks, quick)


def _page(rows: dict[str, list[Setting]], ranks: list[Rank | None], quick: bool) -> str:
    reference = _pairs(prepare.part("canonical", "train"))
    bach = [s.judged for s in rows["Bach"] if s.judged]
    lines = [
        "# What the networks are worth", "",
        f"Written by `cspcomposer evaluate{' --quick' if quick else ''}`; not edited by hand. "
        "Every figure was measured by this run.", "",
        "## Surprise", "",
        "Nats a beat of alto, tenor and bass given the whole soprano, bass first, then tenor, then "
        "alto, each knowing all that came before; on the beat grid, silence included.", "",
        "| split | model | alto | tenor | bass | a beat |",
        "|---|---|--:|--:|--:|--:|",
    ]  # fmt: skip
    for split in prepare.SPLITS:
        if not (infer.FOLDER / f"scorer-{split}.onnx").exists():
            continue
        pieces = prepare.part(split, "test")
        for model, nats in likelihood(split, pieces[::10] if quick else pieces).items():
            each = " | ".join(f"{n:.2f}" for n in nats)
            lines.append(f"| {split} | {model} | {each} | {sum(nats):.2f} |")
    figures = {
        title: total([s.judged for s in found if s.judged], reference, bach)
        for title, found in rows.items()
    }
    lines += ["", "## Bach's own voicing among all that the rules allow", ""]
    lines += [
        f"Every {EVERY}th beat of the test pieces, Bach's beat before it given. clingo lists every "
        "alto, tenor and bass that the hard rules permit; the place of Bach's own among them.", "",
        *ranking.lines(ranks),
    ]  # fmt: skip
    lines += [
        "", "## Sopranos of the test pieces, set anew", "",
        "Only tune, fermatas and key are known. One note to a beat, no ornaments. Chords and keys "
        "of every row, Bach's too, are estimated by the same means. `alone` means that no rule was "
        f"heeded. {len(rows['Bach'])} tunes, seed {SEED}; rules only: every fourth of them. Two "
        f"bodies of {len(bach)} pieces of Bach differ by {_floor(len(bach)):.3f} bits in chord "
        "pairs.", "",
        "| | " + " | ".join(rows) + " |",
        "|---|" + "--:|" * len(rows),
    ]  # fmt: skip
    for figure in next(iter(figures.values())):
        cells = [f"{found[figure]:.3g}" for found in figures.values()]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    mean = [sum(s.seconds for s in found) / len(found) for found in rows.values()]
    lines.append("| seconds a piece | " + " | ".join(f"{s:.2g}" for s in mean) + " |")
    lines.append("")
    failures = [(t, s) for t, found in rows.items() for s in found if s.failure]
    lines += [f"- {title}: {s.name} was not set: {s.failure}" for title, s in failures]
    return "\n".join(lines) + "\n"


def _pairs(pieces: Iterable[Piece]) -> Bigrams:
    out: Bigrams = Counter()
    for piece in pieces:
        bach = prepare.score(piece.name)
        out.update(pairwise(progression(harmonies(bach, home(bach)))))
    return out


def _floor(size: int) -> float:
    """Return how far apart two bodies of so many training pieces are."""
    train = prepare.part("canonical", "train")
    return distance(_pairs(train[: 2 * size : 2]), _pairs(train[1 : 2 * size : 2]))
