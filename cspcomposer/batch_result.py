"""What became of one piece of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cspcomposer.batch_piece import COMPOSED
from cspcomposer.score import Score
from cspcomposer.score_data import scored

REFUSED = "near copy"


@dataclass(frozen=True)
class Result:
    """What became of one piece of a batch.

    Attributes:
        id: The piece's name: what it is made from, as a digest.
        index: Its place in the batch, from 0.
        inputs: The swept values, by their keys.
        seed: Its seed.
        status: "optimal" or "feasible", as of a `Composition`; "no solution", "out of time",
            "near copy" (refused, see `distinct`), or "failed".
        reason: Why there is no piece; "" where there is one.
        cost: Strong faults, then mild faults and preferences in tenths of a nat.
        bound: What its cost is at least, as far as is known.
        seconds: How long it took.
        files: Where its files are; empty where no folder was given.
        line: Everything that the manifest says.
        done_before: Whether an earlier run had made it.
        contents: The files' contents by their endings, where no folder was given.
    """

    id: str
    index: int
    inputs: Mapping[str, Any]
    seed: int
    status: str
    reason: str
    cost: tuple[int, ...]
    bound: tuple[int, ...]
    seconds: float
    files: tuple[Path, ...]
    line: Mapping[str, Any] = field(repr=False)
    done_before: bool = False
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def composed(self) -> bool:
        """Whether there is a piece."""
        return self.status in COMPOSED

    @property
    def data(self) -> dict[str, Any]:
        """What stands in the piece's JSON file; empty where there is no piece."""
        text = self.contents.get(".json")
        if text is None:
            path = next((p for p in self.files if p.suffix == ".json"), None)
            text = path.read_bytes() if path else b"{}"
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def score(self) -> Score | None:
        """The piece, None where there is none."""
        return scored(self.data["score"]) if self.composed else None
