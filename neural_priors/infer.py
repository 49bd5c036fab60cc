"""What a shipped network says of a piece: ONNX Runtime only, no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_priors import codes
from neural_priors.frames import VOICES, Frames, Quality

Wishes = NDArray[np.float32]
FOLDER = Path(__file__).with_name("weights")
SHIPPED = "canonical"
_AT_ONCE = 8  # Columns, of about forty thousand voicings each.


@dataclass(frozen=True)
class Suits:
    """How well everything suits, in nats: larger is better, and only differences count.

    Attributes:
        chords: [F, C] each chord, as root * qualities + quality.
        members: [F, voices, members] each member of a chord in each voice.
        heights: For each voice [F, H], from `codes.LOWEST` on.
        follows: [C, C] each chord after each.
        steps: [voices, groups] each melodic interval, grouped as `codes.span` does.
        usual: [C] ln of how often each chord occurs at all.
    """

    chords: Wishes
    members: Wishes
    heights: tuple[Wishes, ...]
    follows: Wishes
    steps: Wishes
    usual: Wishes


def suits(frames: Frames, *, split: str = SHIPPED, folder: Path = FOLDER) -> Suits:
    """Return what the factor network says of a piece."""
    chords, members, *rest = _run("factors", split, folder, frames)
    heights, (moves, stays, steps, usual) = rest[: len(VOICES)], rest[len(VOICES) :]
    size = moves.shape[1]
    root, quality = np.divmod(np.arange(12 * size), size)
    follows = moves[(root[None] - root[:, None]) % 12, quality[:, None], quality[None]]
    follows = follows + stays * np.eye(12 * size, dtype=np.float32)
    return Suits(chords, members, tuple(heights), follows, steps, usual)


def voicings(
    frames: Frames, columns: Sequence[int], *, split: str = SHIPPED, folder: Path = FOLDER
) -> Wishes:
    """Return [columns, bass, tenor, alto]: the scorer's ln p, given all that came before.

    Heights count from `codes.LOWEST`; the last place of each is silence.
    """
    return np.concatenate(
        [
            _run("scorer", split, folder, frames, columns=np.array(columns[i : i + _AT_ONCE]))[0]
            for i in range(0, len(columns), _AT_ONCE)
        ]
    )


def surprise(frames: Frames, *, split: str = SHIPPED, folder: Path = FOLDER) -> Wishes:
    """Return [F, 3]: by how many nats bass, tenor and alto surprise the scorer."""
    count = len(frames.times)
    notes = np.minimum(codes.coded(frames).voices, np.array(codes.SILENT)[:, None])
    out = np.zeros((count, 3), np.float32)
    for begin in range(0, count, _AT_ONCE):
        columns = range(begin, min(begin + _AT_ONCE, count))
        table = voicings(frames, columns, split=split, folder=folder)
        place = np.arange(len(columns))
        before = np.zeros(len(columns), np.float32)
        for order, voice in enumerate((3, 2, 1)):
            # What the voices that come later would sing is summed over.
            summed = np.logaddexp.reduce(table.reshape(*table.shape[:2], -1), axis=-1)
            note = notes[voice, list(columns)]
            here = summed[place, note]
            out[columns.start : columns.stop, order] = before - here
            before = here
            table = table[place, note]
    return out


def chords_of(
    name: str, *, split: str = SHIPPED, folder: Path = FOLDER
) -> tuple[tuple[str, ...], tuple[Quality, ...]]:
    """Return the members and the qualities of the chords that a network was taught."""
    said = _session(name, split, folder).get_modelmeta().custom_metadata_map
    qualities = json.loads(said["qualities"])
    return tuple(json.loads(said["members"])), tuple(tuple(map(tuple, q)) for q in qualities)


def digest(name: str, *, split: str = SHIPPED, folder: Path = FOLDER) -> str:
    """Return the SHA-256 of a network file."""
    return hashlib.sha256((folder / f"{name}-{split}.onnx").read_bytes()).hexdigest()


def _run(
    name: str, split: str, folder: Path, frames: Frames, **more: NDArray[np.int64]
) -> list[Wishes]:
    seen = codes.coded(frames)
    inputs = {"voices": seen.voices, "later": seen.later, "signs": seen.signs, **more}
    found: list[Wishes] = _session(name, split, folder).run(None, inputs)
    return found


@cache
def _session(name: str, split: str, folder: Path) -> Any:
    # Half a tenth of a second that only those pay who ask a network.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: the same sums in the same order on every machine of a kind.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        folder / f"{name}-{split}.onnx", options, providers=["CPUExecutionProvider"]
    )
