"""The network that the solver weighs: a conditional random field over chords and voices (torch).

Given what is known of a piece it says how well each chord, each member of a chord in each voice,
and each height would suit each column; learnt tables say how well one chord follows another and
how far a voice goes. All of it adds up, so that a solver can weigh it exactly. It is taught by
forward and backward sums over the chords that the key has, and over the notes that the chord has:
it never learns what the rules already say (J. Lafferty, A. McCallum and F. Pereira, ICML 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neural_priors import codes
from neural_priors.codes import HEIGHTS, OPEN, SIZES, SPANS
from neural_priors.frames import SIGNS, VOICES, ChordNames
from neural_priors.layers import Around, Distances, Heights, Wishes

NEVER = -1e4
REACHES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Shape:
    """How large the network is."""

    width: int = 96
    notes: int = 24
    signs: int = 8
    rank: int = 8
    dropout: float = 0.5
    forgetting: float = 0.1


class Suits(NamedTuple):
    """How well everything suits; larger is better, only differences count.

    Attributes:
        chords: [N, F, C].
        members: [N, F, voices, members].
        heights: For each voice [N, F, H].
    """

    chords: Tensor
    members: Tensor
    heights: tuple[Tensor, ...]


class Batch(NamedTuple):
    """Pieces, or passages, side by side.

    Attributes:
        voices: [N, 4, F].
        later: [N, F].
        signs: [N, len(SIZES), F].
        chords: [N, F].
        real: [N, F] False where a piece has ended.
    """

    voices: Tensor
    later: Tensor
    signs: Tensor
    chords: Tensor
    real: Tensor


class Factors(nn.Module):
    """The network.

    Attributes:
        usual: [C] ln of how often each chord occurs in what taught it.
    """

    usual: Tensor

    def __init__(self, names: ChordNames, shape: Shape, usual: Tensor) -> None:
        super().__init__()
        self.register_buffer("usual", usual)
        width, qualities = shape.width, len(names.qualities)
        self.count = 12 * qualities
        self.notes = nn.ModuleList(Heights(v, shape.notes) for v in range(len(VOICES)))
        self.signs = nn.ModuleList(nn.Embedding(n, shape.signs) for n in SIZES)
        seen = (len(VOICES) + 1) * shape.notes + len(SIZES) * shape.signs
        self.enter = nn.Conv1d(seen, width, 1)
        self.around = nn.Sequential(*(Around(width, 3, r, shape.dropout) for r in REACHES))
        self.forget = nn.Dropout(shape.forgetting)
        self.dropout = nn.Dropout(shape.dropout)
        self.root = nn.Linear(width, 12)
        self.quality = nn.Linear(width, qualities)
        self.chord = nn.Linear(width, self.count)
        nn.init.normal_(self.chord.weight, 0, 0.02)
        self.member = nn.Linear(width, len(VOICES) * len(names.members))
        self.height = nn.ModuleList(Wishes(v, width) for v in range(len(VOICES)))
        self.below = nn.ModuleList(Distances(v, 0, width, shape.rank) for v in range(len(VOICES)))
        # What does not hang on time.
        self.moves = nn.Parameter(torch.zeros(12, qualities, qualities))
        self.stays = nn.Parameter(torch.zeros(1))
        self.steps = nn.Parameter(torch.zeros(len(VOICES), SPANS))

    def forward(self, voices: Tensor, later: Tensor, signs: Tensor) -> Suits:
        """Return how well everything suits, from what is given."""
        seen = [notes(voices[:, v]) for v, notes in enumerate(self.notes)]
        seen.append(self.notes[0](later))
        seen += [sign(signs[:, i]) for i, sign in enumerate(self.signs)]
        state = self.enter(self.forget(torch.cat(seen, -1)).transpose(1, 2))
        state = self.dropout(self.around(functional.gelu(state)).transpose(1, 2))
        plain = self.root(state)[..., :, None] + self.quality(state)[..., None, :]
        chords = plain.flatten(-2) + self.chord(state)
        members = self.member(state).unflatten(-1, (len(VOICES), -1))
        heights = tuple(
            height(state) + below(state, voices[:, 0])
            for height, below in zip(self.height, self.below, strict=True)
        )
        return Suits(chords, members, heights)

    def follows(self) -> Tensor:
        """Return [C, C]: how well each chord follows each."""
        qualities = self.moves.shape[1]
        root = torch.arange(self.count) // qualities
        quality = torch.arange(self.count) % qualities
        apart = (root[None] - root[:, None]) % 12
        return self.moves[apart, quality[:, None], quality[None]] + self.stays * torch.eye(
            self.count
        )


class Lesson(nn.Module):
    """What the network has not yet understood: the surprise of the chords and of each voice."""

    def __init__(self, names: ChordNames) -> None:
        super().__init__()
        self.none = len(names.members)
        self.known = torch.tensor(codes.known(names))
        self.member = [torch.tensor(codes.member_codes(v, names)) for v in range(len(VOICES))]
        self.span = [torch.tensor(codes.spans(v)) for v in range(len(VOICES))]

    def forward(
        self, net: Factors, batch: Batch, given: Tensor, planned: Tensor | None = None
    ) -> Tensor:
        """Return [N, 5]: nats for the chords, and for each voice that is not given.

        Args:
            net: The network.
            batch: The music.
            given: [N, 4] which voices it may see.
            planned: [N] whether it may see how phrases end; none if left out.
        """
        suits = net(*hidden(batch, given, planned))
        mode = batch.signs[:, list(SIGNS).index("mode")]
        chords = torch.where(self.known[mode], suits.chords, NEVER)
        last = chords.shape[-1] - 1
        possible = self.known[mode].gather(-1, batch.chords.clamp(max=last)[..., None])[..., 0]
        heard = (batch.chords <= last) & possible
        out = [surprise(chords, net.follows(), batch.chords.clamp(max=last), heard, batch.real)]
        for voice, heights in enumerate(suits.heights):
            member = self.member[voice][batch.chords]
            wanted = functional.pad(suits.members[:, :, voice], (0, 1), value=NEVER)
            fit = torch.where(member < 0, 0.0, wanted.gather(-1, member.clamp(min=0)))
            note = batch.voices[:, voice].clamp(max=HEIGHTS[voice] - 1)
            belongs = member.gather(-1, note[..., None])[..., 0] < self.none
            heard = (batch.voices[:, voice] < HEIGHTS[voice]) & belongs
            steps = net.steps[voice][self.span[voice]]
            nats = surprise(heights + fit, steps, note, heard, batch.real)
            out.append(nats * ~given[:, voice])
        return torch.stack(out, -1)


def hidden(
    batch: Batch, given: Tensor, planned: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the network sees when only some voices ([N, 4]) and plans ([N]) are given."""
    voices = torch.stack(
        [torch.where(given[:, v, None], batch.voices[:, v], OPEN[v]) for v in range(len(VOICES))],
        1,
    )
    later = torch.where(given[:, 0, None], batch.later, OPEN[0])
    struck = torch.where(given[:, 0, None], batch.signs[:, -1], 0)
    goal = list(SIGNS).index("goal")
    goals = torch.zeros_like(batch.signs[:, goal])
    if planned is not None:
        goals = torch.where(planned[:, None], batch.signs[:, goal], 0)
    rows = [*batch.signs[:, :goal].unbind(1), goals, struck]
    return voices, later, torch.stack(rows, 1)


def surprise(suits: Tensor, moves: Tensor, seen: Tensor, heard: Tensor, real: Tensor) -> Tensor:
    """Return [N]: -ln p of what was heard along a chain, all that was not summed over.

    Args:
        suits: [N, F, S] how well each state suits.
        moves: [S, S] how well each follows each.
        seen: [N, F] the state.
        heard: [N, F] whether it is known.
        real: [N, F] whether there is a column.
    """
    pinned = torch.where(
        ~heard[..., None] | functional.one_hot(seen, suits.shape[-1]).bool(), suits, NEVER
    )
    return _total(suits, moves, real) - _total(pinned, moves, real)


def _total(suits: Tensor, moves: Tensor, real: Tensor) -> Tensor:
    """Return [N]: the logarithm of the sum over all paths."""
    ahead, weights = suits[:, 0], moves.exp()
    for column in range(1, suits.shape[1]):
        top = ahead.max(-1, keepdim=True).values.detach()
        summed = ((ahead - top).exp() @ weights + 1e-30).log() + top + suits[:, column]
        ahead = torch.where(real[:, column, None], summed, ahead)
    return ahead.logsumexp(-1)
