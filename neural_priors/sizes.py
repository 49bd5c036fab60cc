"""How small the scorer may be: `python -m neural_priors.sizes` measures and writes `SIZES.md`.

Smaller networks, one that also learns from larger ones, coarser weights, and fewer of them.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from neural_priors import scorer, train
from neural_priors.export import SMALL
from neural_priors.prepare import Part, Split
from neural_priors.scorer import Scorer

SPLIT: Split = "canonical"
WIDTHS = (16, 24, 32, 48, 64)
PUPIL = 32
BITS = (16, 8, 6, 4)
SHARES = (0.3, 0.5, 0.7)


def surprise(net: Scorer, part: Part) -> float:
    """Return nats a beat of alto, tenor and bass given the soprano."""
    pieces = train.music(SPLIT, part)
    total, columns = 0.0, 0
    with torch.no_grad():
        for first in range(0, len(pieces), train.TOGETHER):
            lesson = train.batch(pieces[first : first + train.TOGETHER])
            total += float(scorer.surprise(net, lesson).sum())
            columns += int(lesson.real.sum())
    return total / columns


def changed(net: Scorer, change: Callable[[Tensor], Tensor]) -> Scorer:
    """Return a network whose large weights are changed; small ones stay as they are."""
    out = copy.deepcopy(net)
    with torch.no_grad():
        for weight in out.parameters():
            if weight.numel() >= SMALL:
                weight.copy_(change(weight))
    return out


def quantised(weight: Tensor, bits: int) -> Tensor:
    """Return a weight in so many bits, with one scale for each row."""
    if bits == 16:
        return weight.half().float()
    most = 2 ** (bits - 1) - 1
    rows = weight.reshape(weight.shape[0], -1)
    scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / most
    return ((rows / scale).round() * scale).reshape(weight.shape)


def pruned(weight: Tensor, share: float) -> Tensor:
    """Return a weight whose smallest numbers, a share of them all, are nought."""
    rank = max(1, round(share * weight.numel()))
    bar = weight.abs().flatten().kthvalue(rank).values
    return torch.where(weight.abs() <= bar, torch.zeros_like(weight), weight)


def kilobytes(net: Scorer, bits: float) -> float:
    """Return what the weights of a network take, small ones in 32 bits."""
    sizes: list[int] = [weight.numel() for weight in net.parameters()]
    return sum(size * (bits if size >= SMALL else 32.0) / 8000 for size in sizes)


def rows(console: Console) -> Iterator[tuple[str, float, Scorer]]:
    """Yield what was tried: what it is, the kilobytes of its weights, the network."""
    taught: dict[int, Scorer] = {}
    for width in WIDTHS:
        found = train.score_net(SPLIT, train.Plan(train.SCORER), scorer.Shape(width=width))
        console.print(f"width {width}: {train.said(found)}")
        taught[width] = found.net.eval()
        yield f"width {width}", kilobytes(found.net, 16), taught[width]
    teachers = [taught[w] for w in WIDTHS if w > PUPIL]
    pupil = train.score_net(
        SPLIT, train.Plan(train.SCORER), scorer.Shape(width=PUPIL), teachers=teachers
    )
    console.print(f"distilled: {train.said(pupil)}")
    names = " and ".join(str(w) for w in WIDTHS if w > PUPIL)
    yield f"width {PUPIL}, learnt from {names} too", kilobytes(pupil.net, 16), pupil.net.eval()
    shipped = scorer.Shape().width
    net = taught[shipped]
    for bits in BITS:
        coarse = changed(net, lambda w, bits=bits: quantised(w, bits))  # type: ignore[misc]
        yield f"width {shipped}, {bits} bits", kilobytes(net, bits), coarse
    for share in SHARES:
        thin = changed(net, lambda w, share=share: pruned(w, share))  # type: ignore[misc]
        # Where the noughts are takes a bit for each weight.
        size = kilobytes(net, 16 * (1 - share) + 1)
        yield f"width {shipped}, {share:.0%} of the weights nought", size, thin


def main() -> None:
    """Measure and write."""
    train.alone()
    console = Console()
    lines = [
        "# Size against quality", "",
        "Written by `python -m neural_priors.sizes`; not edited by hand. The scorer of the "
        f"canonical split, {train.SCORER} epochs, seed 0; nats a beat of alto, tenor and bass "
        "given the soprano. Weights in half precision where nothing else is said; the widths say "
        f"how many channels there are, and {scorer.Shape().width} is what is shipped.", "",
        "| | KB | validation | test |", "|---|--:|--:|--:|",
    ]  # fmt: skip
    for name, size, net in rows(console):
        nats = " | ".join(f"{surprise(net, part):.3f}" for part in ("valid", "test"))
        line = f"| {name} | {size:.0f} | {nats} |"
        console.print(line)
        lines.append(line)
    path = Path(__file__).with_name("SIZES.md")
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(part, path)


if __name__ == "__main__":
    main()
