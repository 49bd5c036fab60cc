"""The network that judges whole answers: each voice after all that was sung before (torch).

Bass, tenor and alto of a column, in this order, each given the past, the others so far, and the
soprano of the whole piece. It does not add up over pairs, so the solver cannot weigh it; it ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from neural_priors.codes import HEIGHTS, OPEN, SIZES
from neural_priors.frames import SIGNS, VOICES
from neural_priors.layers import Around, Distances, Heights, Wishes
from neural_priors.model import Batch

REACHES = (1, 2, 4, 8)
ORDER = (3, 2, 1)
# Notes that each voice is measured from: p is the column before, c this one; then the voice.
_MEASURED = {3: ("p3", "c0", "p0"), 2: ("p2", "c0", "c3", "p3"), 1: ("p1", "c0", "c3", "c2", "p2")}


@dataclass(frozen=True)
class Shape:
    """How large the network is."""

    width: int = 48
    notes: int = 24
    signs: int = 8
    rank: int = 16
    dropout: float = 0.5
    forgetting: float = 0.15


class Scorer(nn.Module):
    """The network."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.notes = nn.ModuleList(Heights(v, shape.notes) for v in range(len(VOICES)))
        self.signs = nn.ModuleList(nn.Embedding(n, shape.signs) for n in SIZES)
        seen = 2 * shape.notes + len(SIZES) * shape.signs
        self.enter = nn.Conv1d(seen, width, 1)
        self.around = nn.Sequential(
            *(Around(width, 5 if i else 3, r, shape.dropout) for i, r in enumerate(REACHES))
        )
        self.recall = nn.Conv1d(len(VOICES) * shape.notes, width, 1)
        self.before = nn.Sequential(
            *(Around(width, 2, r, shape.dropout, back=True) for r in REACHES)
        )
        self.forget = nn.Dropout(shape.forgetting)
        self.think = nn.ModuleList(
            nn.Sequential(
                nn.Linear(2 * width + (1 + i) * shape.notes, width),
                nn.GELU(),
                nn.Dropout(shape.dropout),
            )
            for i in range(len(ORDER))
        )
        self.height = nn.ModuleList(Wishes(v, width, silence=True) for v in ORDER)
        self.apart = nn.ModuleDict(
            {
                f"{voice}{name}": Distances(voice, int(name[1]), width, shape.rank, silence=True)
                for voice, names in _MEASURED.items()
                for name in names
            }
        )

    def context(self, voices: Tensor, later: Tensor, signs: Tensor) -> Tensor:
        """Return [N, F, size]: the soprano of the whole piece, and the past of all voices."""
        seen = [self.notes[0](voices[:, 0]), self.notes[0](later)]
        seen += [sign(signs[:, i]) for i, sign in enumerate(self.signs)]
        song = self.around(
            functional.gelu(self.enter(self.forget(torch.cat(seen, -1)).transpose(1, 2)))
        )
        past = earlier(voices)
        sung = torch.cat([notes(past[:, v]) for v, notes in enumerate(self.notes)], -1)
        memory = self.before(functional.gelu(self.recall(self.forget(sung).transpose(1, 2))))
        state = torch.cat([song, memory], 1).transpose(1, 2)
        return torch.cat([state, self.notes[0](voices[:, 0])], -1)

    def wishes(self, place: int, context: Tensor, voices: Tensor, past: Tensor) -> Tensor:
        """Return [..., H + 1]: how well each height, or silence, suits the voice at a place.

        Args:
            place: In `ORDER`.
            context: [..., size].
            voices: [..., 4] this column's codes; those of voices before in the order are read.
            past: [..., 4] the column before.
        """
        voice = ORDER[place]
        known = [self.notes[w](voices[..., w]) for w in ORDER[:place]]
        state = self.think[place](torch.cat([context, *known], -1))
        out: Tensor = self.height[place](state)
        for name in _MEASURED[voice]:
            notes = past if name[0] == "p" else voices
            out = out + self.apart[f"{voice}{name}"](state, notes[..., int(name[1])])
        return out

    def forward(self, voices: Tensor, later: Tensor, signs: Tensor) -> tuple[Tensor, ...]:
        """Return for bass, tenor and alto [N, F, H + 1]: ln p of each height, and of silence."""
        context = self.context(voices, later, signs)
        here, past = voices.transpose(1, 2), earlier(voices).transpose(1, 2)
        return tuple(
            functional.log_softmax(self.wishes(i, context, here, past), -1)
            for i in range(len(ORDER))
        )


def earlier(voices: Tensor) -> Tensor:
    """Return [N, 4, F]: the column before each; before the first nothing is known."""
    return torch.stack(
        [functional.pad(voices[:, v], (1, 0), value=OPEN[v])[:, :-1] for v in range(len(VOICES))],
        1,
    )


def unplanned(signs: Tensor) -> Tensor:
    """Return the signs without how phrases end, which would tell too much."""
    kept = [i != list(SIGNS).index("goal") for i in range(len(SIZES))]
    return signs * torch.tensor(kept)[:, None]


def surprise(net: Scorer, batch: Batch) -> Tensor:
    """Return [N, 3]: nats for alto, tenor and bass, summed over the real columns."""
    said = net(batch.voices, batch.later, unplanned(batch.signs))
    out = []
    for place, voice in enumerate(ORDER):
        note = batch.voices[:, voice].clamp(max=HEIGHTS[voice])
        found = said[place].gather(-1, note[..., None])[..., 0]
        out.append(-(found * batch.real).sum(-1))
    return torch.stack(out[::-1], -1)
