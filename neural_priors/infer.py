"""What a shipped network says of a piece: ONNX Runtime only, no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_priors import codes
from neural_priors.frames import VOICES, Frames

Wishes = NDArray[np.float32]
FOLDER = Path(__file__).with_name("weights")
SHIPPED = "canonical"


@dataclass(frozen=True)
class Suits:
    """How well everything suits, in nats: larger is better, and only differences count.

    Attributes:
        chords: [F, C] each chord, as root * qualities + quality.
        members: [F, voices, members] each member of a chord in each voice.
        heights: For each voice [F, H], from `codes.LOWEST` on.
        follows: [C, C] each chord after each.
        steps: [voices, groups] each melodic interval, grouped as `codes.span` does.
    """

    chords: Wishes
    members: Wishes
    heights: tuple[Wishes, ...]
    follows: Wishes
    steps: Wishes


def suits(frames: Frames, *, split: str = SHIPPED, folder: Path = FOLDER) -> Suits:
    """Return what the factor network says of a piece."""
    chords, members, *rest = _run("factors", split, folder, frames)
    heights, (moves, stays, steps) = rest[: len(VOICES)], rest[len(VOICES) :]
    size = moves.shape[1]
    root, quality = np.divmod(np.arange(12 * size), size)
    follows = moves[(root[None] - root[:, None]) % 12, quality[:, None], quality[None]]
    return Suits(chords, members, tuple(heights), follows + stays * np.eye(12 * size), steps)


def surprise(frames: Frames, *, split: str = SHIPPED, folder: Path = FOLDER) -> float:
    """Return the nats a column by which alto, tenor and bass surprise the scorer."""
    voices = codes.coded(frames).voices
    said = _run("scorer", split, folder, frames)
    total = 0.0
    for name, table in zip(("bass", "tenor", "alto"), said, strict=True):
        voice = VOICES.index(name)
        note = np.minimum(voices[voice], codes.SILENT[voice])
        total -= float(np.take_along_axis(table, note[:, None], 1).sum())
    return total / voices.shape[1]


def described(name: str, *, split: str = SHIPPED, folder: Path = FOLDER) -> dict[str, Any]:
    """Return what a network file says of itself: members and qualities of its chords."""
    said = _session(name, split, folder).get_modelmeta().custom_metadata_map
    return {key: json.loads(value) if value[:1] in "[{" else value for key, value in said.items()}


def _run(name: str, split: str, folder: Path, frames: Frames) -> list[Wishes]:
    seen = codes.coded(frames)
    inputs = {"voices": seen.voices, "later": seen.later, "signs": seen.signs}
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
