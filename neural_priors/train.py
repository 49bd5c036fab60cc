"""Teaching the networks: `python -m neural_priors.train` makes `weights/` anew, in minutes.

Everything is drawn from one seed. Weights are averaged while they move (B. Polyak and A. Juditsky,
1992); the average that surprised the validation pieces least is kept.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from neural_priors import codes, export, model, prepare, scorer
from neural_priors.frames import VOICES, chord_names
from neural_priors.model import Batch, Factors
from neural_priors.prepare import Split
from neural_priors.scorer import Scorer

LENGTH = 48
TOGETHER = 16
RATE = 3e-3
DECAY = 0.05
AVERAGED = 0.99
# How often a lesson hides the soprano, gives another voice, or tells how phrases end.
HIDDEN, GIVEN, PLANNED = 0.15, 0.15, 0.3
FACTORS, SCORER = 36, 30  # Epochs.

Net = TypeVar("Net", bound=nn.Module)
Loss = Callable[[nn.Module, Batch], Tensor]


@dataclass(frozen=True)
class Plan:
    """How long, and from which chance.

    Attributes:
        epochs: How often every piece is seen.
        seed: Of everything that is drawn.
    """

    epochs: int
    seed: int = 0


@dataclass
class Trained(Generic[Net]):
    """A network that was taught.

    Attributes:
        net: The one that surprised the validation pieces least.
        valid: Nats per column there.
        epoch: When.
        seconds: How long teaching took.
    """

    net: Net
    valid: float
    epoch: int
    seconds: float
    history: list[float] = field(default_factory=list)


def batch(pieces: Sequence[tuple[codes.Coded, codes.Codes]]) -> Batch:
    """Return pieces side by side, the shorter ones filled up."""
    longest = max(chords.shape[-1] for _, chords in pieces)
    columns: list[list[np.ndarray]] = [[], [], [], [], []]
    for piece, chords in pieces:
        size = chords.shape[-1]
        more = longest - size
        rows = (piece.voices, piece.later, piece.signs, chords, np.ones(size, np.bool_))
        for column, row in zip(columns, rows, strict=True):
            column.append(np.pad(row, [(0, 0)] * (row.ndim - 1) + [(0, more)]))
    return Batch(*(torch.tensor(np.stack(column)) for column in columns))


def music(split: Split, part: prepare.Part) -> list[tuple[codes.Coded, codes.Codes]]:
    """Return one part of a split as numbers: what is seen, and the chords."""
    names = chord_names()
    return [
        (codes.coded(piece.frames), codes.chord_codes(piece.chords, names))
        for piece in prepare.part(split, part)
    ]


def passages(
    pieces: Sequence[tuple[codes.Coded, codes.Codes]], chance: random.Random
) -> Iterator[Batch]:
    """Yield every piece cut at random places, in random order."""
    cut = []
    for piece, chords in pieces:
        size = chords.shape[-1]
        for _ in range(max(1, round(size / LENGTH))):
            here = slice(first := chance.randint(0, max(0, size - LENGTH)), first + LENGTH)
            seen = codes.Coded(piece.voices[:, here], piece.later[here], piece.signs[:, here])
            cut.append((seen, chords[here]))
    chance.shuffle(cut)
    for first in range(0, len(cut), TOGETHER):
        yield batch(cut[first : first + TOGETHER])


def taught(
    net: Net, split: Split, plan: Plan, loss: Loss, score: Loss, console: Console | None = None
) -> Trained[Net]:
    """Return a network after its lessons.

    Args:
        net: With fresh weights.
        split: What teaches, and what says when to stop.
        plan: How long.
        loss: Nats of a batch to make less.
        score: Nats of a batch to judge by.
        console: Where a line an epoch is written.
    """
    begin = time.monotonic()
    train, valid = music(split, "train"), music(split, "valid")
    examined = [batch(valid[i : i + TOGETHER]) for i in range(0, len(valid), TOGETHER)]
    columns = sum(int(b.real.sum()) for b in examined)
    chance = random.Random(plan.seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    steps = sum(1 for _ in passages(train, random.Random(plan.seed))) * plan.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=steps, pct_start=0.15
    )
    average = copy.deepcopy(net)
    best = Trained(average, float("inf"), 0, 0.0)
    history = []
    for epoch in range(plan.epochs):
        net.train()
        for lesson in passages(train, chance):
            optimiser.zero_grad()
            (loss(net, lesson) / lesson.real.sum()).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for kept, now in zip(average.parameters(), net.parameters(), strict=True):
                    kept.lerp_(now, 1 - AVERAGED)
        average.eval()
        with torch.no_grad():
            nats = sum(float(score(average, b)) for b in examined) / columns
        history.append(nats)
        if nats < best.valid:
            best = Trained(copy.deepcopy(average), nats, epoch, 0.0)
        if console:
            console.print(f"  epoch {epoch + 1}: {nats:.3f} nats a beat on the validation pieces")
    return replace(best, seconds=time.monotonic() - begin, history=history)


def factor_net(
    split: Split, plan: Plan, shape: model.Shape | None = None, console: Console | None = None
) -> Trained[Factors]:
    """Return the network whose judgement adds up."""
    torch.manual_seed(plan.seed)
    names = chord_names()
    counts = torch.ones(12 * len(names.qualities))
    for _, chords in music(split, "train"):
        heard = torch.tensor(chords[chords < len(counts)])
        counts += torch.bincount(heard, minlength=len(counts))
    lesson = model.Lesson(names)
    draw = torch.Generator().manual_seed(plan.seed)
    often = torch.tensor([1 - HIDDEN, *[GIVEN] * (len(VOICES) - 1)])

    def loss(net: nn.Module, b: Batch) -> Tensor:
        assert isinstance(net, Factors)
        given = torch.rand(len(b.real), len(VOICES), generator=draw) < often
        planned = torch.rand(len(b.real), generator=draw) < PLANNED
        return lesson(net, b, given, planned).sum()

    def score(net: nn.Module, b: Batch) -> Tensor:
        assert isinstance(net, Factors)
        return lesson(net, b, only_soprano(b)).sum()

    net = Factors(names, shape or model.Shape(), (counts / counts.sum()).log())
    return taught(net, split, plan, loss, score, console)


def only_soprano(b: Batch) -> Tensor:
    """Return [N, 4]: that the soprano alone is given."""
    return torch.tensor([True, False, False, False]).repeat(len(b.real), 1)


def score_net(
    split: Split,
    plan: Plan,
    shape: scorer.Shape | None = None,
    teachers: Sequence[Scorer] = (),
    console: Console | None = None,
) -> Trained[Scorer]:
    """Return the network that judges whole answers.

    Args:
        split: What teaches.
        plan: How long.
        shape: How large.
        teachers: Networks whose mean it also learns from (G. Hinton, O. Vinyals and J. Dean, 2015).
        console: Where a line an epoch is written.
    """
    torch.manual_seed(plan.seed)

    def score(net: nn.Module, b: Batch) -> Tensor:
        assert isinstance(net, Scorer)
        return scorer.surprise(net, b).sum()

    def loss(net: nn.Module, b: Batch) -> Tensor:
        if not teachers:
            return score(net, b)
        assert isinstance(net, Scorer)
        with torch.no_grad():
            told = [teacher(b.voices, b.later, scorer.unplanned(b.signs)) for teacher in teachers]
            mean = [torch.stack(voice).exp().mean(0) for voice in zip(*told, strict=True)]
        said = net(b.voices, b.later, scorer.unplanned(b.signs))
        taken = sum(
            -((want * have).sum(-1) * b.real).sum() for want, have in zip(mean, said, strict=True)
        )
        return 0.3 * score(net, b) + 0.7 * taken

    return taught(Scorer(shape or scorer.Shape()), split, plan, loss, score, console)


def parameters(net: nn.Module) -> int:
    """Return how many numbers a network has learnt."""
    return sum(p.numel() for p in net.parameters())


def main(arguments: Sequence[str] | None = None) -> None:
    """Teach both networks on one split, side by side, and write them to a folder."""
    parser = argparse.ArgumentParser(prog="python -m neural_priors.train", description=__doc__)
    parser.add_argument("--split", choices=prepare.SPLITS, default="canonical")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("weights"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="two epochs, to see that it works")
    chosen = parser.parse_args(arguments)
    console = Console()
    console.print(prepare.counts(prepare.pieces()))
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=alone) as pool:
        first = pool.submit(_factors, chosen.split, chosen.seed, chosen.quick)
        second = pool.submit(_scorer, chosen.split, chosen.seed, chosen.quick)
        suits, judge = first.result(), second.result()
    console.print(f"factors: {said(suits)}")
    console.print(f"scorer: {said(judge)}")
    for path in export.written(suits.net, judge.net, chosen.out, chosen.split):
        console.print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


def said(found: Trained[Net]) -> str:
    """Return what there is to say of a network that was taught."""
    return (
        f"{parameters(found.net)} parameters, {found.valid:.3f} nats a beat on the validation "
        f"pieces (epoch {found.epoch + 1}), {found.seconds:.0f} s"
    )


def alone() -> None:
    """Let this process work in one thread: the same sums in the same order."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def _factors(split: Split, seed: int, quick: bool) -> Trained[Factors]:
    return factor_net(split, Plan(2 if quick else FACTORS, seed))


def _scorer(split: Split, seed: int, quick: bool) -> Trained[Scorer]:
    return score_net(split, Plan(2 if quick else SCORER, seed))


if __name__ == "__main__":
    main()
