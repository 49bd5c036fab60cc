"""The layers that both networks are made of (torch)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neural_priors.codes import HEIGHTS, LOWEST, OPEN

# How far apart two heights can be; then one place for silence, one for what is not given.
_REACH = 48
_SILENT, _OPEN = 2 * _REACH + 1, 2 * _REACH + 2


class Heights(nn.Module):
    """Heights of one voice as vectors that octaves share.

    Input: codes [...]; output: [..., size].
    """

    def __init__(self, voice: int, size: int) -> None:
        super().__init__()
        count = OPEN[voice] + 1
        self.own = nn.Embedding(count, size)
        self.shared = nn.Embedding(14, size)
        nn.init.normal_(self.own.weight, 0, 0.1)
        classes = [(LOWEST[voice] + i) % 12 for i in range(HEIGHTS[voice])] + [12, 13]
        self.classes: Tensor
        self.register_buffer("classes", torch.tensor(classes))

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors."""
        out: Tensor = self.own(codes) + self.shared(self.classes[codes])
        return out


class Wishes(nn.Module):
    """What a state wishes of each height of a voice, octaves sharing.

    Input: states [..., size]; output: [..., H], or H + 1 with silence.
    """

    def __init__(self, voice: int, size: int, *, silence: bool = False) -> None:
        super().__init__()
        count = HEIGHTS[voice] + silence
        self.own = nn.Linear(size, count)
        self.shared = nn.Linear(size, 12 + silence)
        nn.init.normal_(self.own.weight, 0, 0.02)
        classes = [(LOWEST[voice] + i) % 12 for i in range(HEIGHTS[voice])] + [12] * silence
        self.classes: Tensor
        self.register_buffer("classes", torch.tensor(classes))

    def forward(self, states: Tensor) -> Tensor:
        """Return the wishes."""
        out: Tensor = self.own(states) + self.shared(states)[..., self.classes]
        return out


class Distances(nn.Module):
    """What a state wishes of each height of a voice by its distance from a note of another.

    Shared by all heights, so that a little music teaches it. Input: states [..., size] and codes
    of the other note [...]; output as `Wishes`.
    """

    def __init__(
        self, voice: int, other: int, size: int, rank: int, *, silence: bool = False
    ) -> None:
        super().__init__()
        self.ask = nn.Linear(size, rank + 1)
        self.table = nn.Embedding(_OPEN + 1, rank + 1)
        nn.init.normal_(self.ask.weight, 0, 0.05)
        nn.init.normal_(self.table.weight, 0, 0.05)
        heights = torch.arange(HEIGHTS[voice]) + LOWEST[voice]
        others = torch.arange(OPEN[other] + 1) + LOWEST[other]
        places = (heights[None] - others[:, None] + _REACH).clamp(0, 2 * _REACH)
        if silence:
            places = functional.pad(places, (0, 1), value=_SILENT)
        places[HEIGHTS[other]] = _SILENT
        places[OPEN[other]] = _OPEN
        self.places: Tensor
        self.register_buffer("places", places)

    def forward(self, states: Tensor, other: Tensor) -> Tensor:
        """Return the wishes."""
        asked = self.ask(states)
        said = self.table.weight[self.places[other]]
        return (said[..., :-1] * asked[..., None, :-1]).sum(-1) + said[..., -1]


class Around(nn.Module):
    """A convolution over time that adds to what it got; with `back` it sees no future.

    Input and output: [N, size, F].
    """

    def __init__(
        self, size: int, kernel: int, reach: int, dropout: float, *, back: bool = False
    ) -> None:
        super().__init__()
        whole = (kernel - 1) * reach
        self.margins = (whole, 0) if back else (whole // 2, whole - whole // 2)
        self.mix = nn.Conv1d(size, size, kernel, dilation=reach)
        self.out = nn.Conv1d(size, size, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, columns: Tensor) -> Tensor:
        """Return the columns, each having looked around."""
        seen = functional.gelu(self.mix(functional.pad(columns, self.margins)))
        added: Tensor = self.dropout(self.out(seen))
        return columns + added
