"""Whether a piece keeps its distance: from all before it in the batch, whoever is done first.

What an earlier run made is judged anew like everything else, so that a batch that goes on under
another distance, or without a piece that it had, becomes what it would have been from the start.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cspcomposer.batch_distinct import Gallery, likeness
from cspcomposer.batch_lines import Line, piece_data
from cspcomposer.batch_piece import COMPOSED, Job, Made
from cspcomposer.batch_result import REFUSED
from cspcomposer.score_data import scored

# Pieces that wait for one before them: so many for each worker.
AHEAD = 8


def restored(line: Line) -> Line | None:
    """Return the line of a refused piece as it was before; None where its files were not kept."""
    if not line["files"] or "near" not in line:
        return None
    rest = {key: said for key, said in line.items() if key not in ("near", "reason")}
    return {**rest, "status": line["near"]["status"]}


class Judge:
    """Pieces in the order of a batch, each held against those before it.

    Attributes:
        again: Refused pieces of an earlier run that may be taken now, and are to be composed.
    """

    def __init__(self, apart: float, folder: Path | None) -> None:
        self._apart, self._folder = apart, folder
        self._gallery = Gallery()
        self._taken: set[str] = set()
        self._turn: deque[Job] = deque()
        self._made: dict[str, Made] = {}
        self._there: dict[str, Line] = {}
        self.again: deque[Job] = deque()

    def expect(self, job: Job, there: Line | None = None) -> None:
        """Take a piece as the next of the batch.

        Args:
            job: The piece.
            there: What an earlier run made of it; None where it is to be composed.
        """
        self._turn.append(job)
        if there:
            self._there[job.id] = there

    def came(self, made: Made) -> None:
        """Take what was made of a piece."""
        self._made[made.job.id] = made

    def waits(self, jobs: int) -> bool:
        """Return whether so many pieces wait for one before them that others should wait too."""
        return len(self._made) > AHEAD * jobs

    def pending(self) -> bool:
        """Return whether there are pieces that have not been judged."""
        return bool(self._turn)

    def judged(self) -> Iterator[tuple[Job, Made | Line]]:
        """Yield the pieces whose turn it is: made now, or the line of one that was there."""
        while self._turn:
            job = self._turn[0]
            found: Made | Line | None
            if job.id in self._made:
                found = self._of_made(self._made.pop(job.id))
            elif job.id in self._there:
                found = self._of_line(self._there.pop(job.id))
            else:
                return
            if found is None:
                self.again.append(job)
                return
            self._turn.popleft()
            yield job, found

    def _of_made(self, made: Made) -> Made:
        if not made.files:
            return made
        near = self._near(made.line, json.loads(made.files[".json"]))
        return Made(made.job, {**made.line, **near}) if near else made

    def _of_line(self, line: Line) -> Line | None:
        if line["status"] == REFUSED:
            near = line.get("near", {})
            if near.get("differs", 1.0) < self._apart and near.get("id") in self._taken:
                return line
            before = restored(line)
            if before is None:
                return None
            line = before
        if line["status"] not in COMPOSED:
            return line
        assert self._folder
        return {**line, **self._near(line, piece_data(self._folder, line))}

    def _near(self, line: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is said of a piece that is too near to one before; nothing if it is taken."""
        name = str(line["id"])
        seen = likeness(scored(data["score"]), data["given"])
        near = self._gallery.nearest(name, seen)
        if near is None or near.distance >= self._apart:
            self._gallery.add(name, seen)
            self._taken.add(name)
            return {}
        say = f"only {near.distance:.1%} of its notes differ from those of {near.other}."
        how = {"id": near.other, "differs": near.distance, "status": line["status"]}
        return {"status": REFUSED, "reason": say, "near": how}
