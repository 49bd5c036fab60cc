"""Which pieces of a batch are for training, which for validation and for tests.

Pieces that share a given line, or are near copies of each other, are never in two splits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from cspcomposer.batch_distinct import Gallery, likeness
from cspcomposer.batch_lines import Line, whole_data
from cspcomposer.score_data import scored

SPLITS = ("train", "validation", "test")
SHARES = (80, 10, 10)
NEAR = 0.1


def divided(
    folder: Path, composed: Sequence[Line], shares: tuple[int, ...]
) -> tuple[dict[str, str], str]:
    """Return the split of each piece, and what was kept together: "group" or "piece".

    Where all pieces belong together there would be one split only; then each stands for itself.
    """
    heads = {line["id"]: line["id"] for line in composed}

    def head(name: str) -> str:
        while heads[name] != name:
            heads[name] = heads[heads[name]]
            name = heads[name]
        return name

    gallery, given = Gallery(), dict[str, str]()
    for line in composed:
        data = whole_data(folder, line)
        score = scored(data["score"])
        gallery.add(line["id"], likeness(score, data["given"]))
        sung = [
            [(str(n.onset), str(n.duration), n.pitch) for n in score.voice(name).notes]
            for name in data["given"] if name in {v.name for v in score.voices}
        ]  # fmt: skip
        if sung:
            first = given.setdefault(json.dumps(sung), line["id"])
            heads[head(line["id"])] = head(first)
    for first_of, *others in gallery.groups(NEAR):
        for name in others:
            heads[head(name)] = head(first_of)
    groups = {name: head(name) for name in heads}
    grouped = "group" if len(set(groups.values())) > 1 or len(groups) == 1 else "piece"
    if grouped == "piece":
        groups = {name: name for name in heads}
    return {name: _split(group, shares) for name, group in groups.items()}, grouped


def _split(group: str, shares: tuple[int, ...]) -> str:
    """Return the split of a group: its name's digest decides, not what else there is."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % 100
    for name, share in zip(SPLITS, shares, strict=True):
        if place < share:
            return name
        place -= share
    return SPLITS[0]
