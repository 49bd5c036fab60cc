"""What the networks are worth, beside tables, beside rules alone, and beside Bach himself.

`cspcomposer evaluate` measures here what `evaluate_page` writes down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from neural_priors import classify, codes, evaluate_page, folk, infer, prepare, settings
from neural_priors.classify import Told
from neural_priors.evaluate_page import EVERY, Measured, Surprise
from neural_priors.frames import home, unplanned
from neural_priors.metrics import Bigrams, distance, harmonies, progression
from neural_priors.prepare import Piece, Split
from neural_priors.ranking import ranked
from neural_priors.settings import SEED, SLOW, SLOWLY, Setting
from neural_priors.tables import counted

QUICK, QUICK_FOLK = 8, 6
T = TypeVar("T")


def evaluated(*, quick: bool, jobs: int, console: Console | None = None) -> str:
    """Return the page.

    Args:
        quick: A few test pieces and folk tunes instead of all.
        jobs: How many processes compose at a time.
        console: Where progress is shown, if it is a terminal.
    """
    test = [p.name for p in prepare.part("canonical", "test")]
    names = _some(test, QUICK) if quick else test
    tunes = _some(folk.names(), QUICK_FOLK) if quick else folk.names()
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:

        def over(work: Callable[[str], T], on: Sequence[str], title: str) -> list[T]:
            silent = console is None or not console.is_terminal
            done = pool.map(work, on)
            return list(
                track(done, title, len(on), console=console, transient=True, disable=silent)
            )

        ranks = {}
        for supply, every in EVERY.items():
            rank = partial(ranked, split="canonical", every=every, seed=SEED, supply=supply)
            ranks[supply] = [r for several in over(rank, names, "Ranking") for r in several]
        rows = {t: over(work, _of(t, names), t) for t, work in settings.CHORALES.items()}
        airs = {t: over(work, _of(t, tunes), f"Folk: {t}") for t, work in settings.FOLK.items()}
    train = prepare.part("canonical", "train")
    size = sum(s.judged is not None for s in rows["Bach"])
    return evaluate_page.page(
        Measured(
            quick=quick,
            surprise=list(_surprises(quick)),
            ranks=ranks,
            chorales=rows,
            folk=airs,
            taught=pairs(train),
            floor=distance(pairs(train[: 2 * size : 2]), pairs(train[1 : 2 * size : 2])),
            told=told(rows) if classify.installed() else None,
        )
    )


def _some(names: Sequence[str], count: int) -> list[str]:
    return list(names[:: max(1, len(names) // count)])


def _of(title: str, names: Sequence[str]) -> Sequence[str]:
    return names[:: SLOW if title in SLOWLY else 1]


def told(rows: Mapping[str, Sequence[Setting]]) -> dict[str, tuple[Told | None, Told | None]]:
    """Return how well each row is told from Bach's settings of its tunes.

    First by what is heard on the beats, where ornaments do not count, then by faults against the
    soft rules besides. Bach's own row is told apart from itself, half from half.
    """
    tunes = prepare.tunes()
    bach = {s.name: s.judged.traits for s in rows["Bach"] if s.judged}
    bodies = {
        title: {s.name: s.judged.traits for s in found if s.judged} for title, found in rows.items()
    }
    out = {}
    for title, body in bodies.items():
        names = [name for name in body if name in bach]
        one = [(str(tunes[name]), bach[name]) for name in names]
        other = [(str(tunes[name]), body[name]) for name in names]
        if title == "Bach":
            out[title] = classify.halved(classify.on_beats(one)), classify.halved(one)
        else:
            out[title] = (
                classify.told_apart(classify.on_beats(one), classify.on_beats(other)),
                classify.told_apart(one, other),
            )
    return out


def _surprises(quick: bool) -> Iterator[Surprise]:
    for split in prepare.SPLITS:
        if (infer.FOLDER / f"scorer-{split}.onnx").exists():
            pieces = prepare.part(split, "test")
            for model, nats in likelihood(split, pieces[::10] if quick else pieces).items():
                yield split, model, nats


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


def pairs(pieces: Iterable[Piece]) -> Bigrams:
    """Return the pairs of successive chords of Bach's."""
    out: Bigrams = Counter()
    for piece in pieces:
        bach = prepare.score(piece.name)
        out.update(pairwise(progression(harmonies(bach, home(bach)))))
    return out
