"""How far a batch has come: counts, rate, and how long it still takes. Shows nothing."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from cspcomposer.batch_result import Result
from cspcomposer.errors import counted

RECENT = 50
_WORDS = {"optimal": "composed", "feasible": "composed"}


@dataclass
class Meter:
    """Counts results as they come.

    Attributes:
        total: How many pieces there are.
        done: How many have been told.
        before: How many of these an earlier run had made.
        counts: How many came out how: "composed", "no solution"...
    """

    total: int
    done: int = 0
    before: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def saw(self, result: Result) -> None:
        """Count a result."""
        self.done += 1
        self.counts[_WORDS.get(result.status, result.status)] += 1
        if result.done_before:
            self.before += 1
            return
        if not self._times:
            self._times.append(self.begun)
        self._times.append(time.monotonic())

    def one_less(self) -> None:
        """Count a piece that turned out to be another one."""
        self.total -= 1

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.begun

    @property
    def rate(self) -> float:
        """Pieces a minute, of late; 0 while none was composed."""
        if len(self._times) < 2:
            return 0.0
        return 60 * (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take, about; None while nobody knows."""
        return 60 * (self.total - self.done) / self.rate if self.rate else None

    @property
    def amiss(self) -> int:
        """How many came to nothing, near copies not counted."""
        return sum(n for kind, n in self.counts.items() if kind not in ("composed", "near copy"))

    def told(self) -> str:
        """Return the counts as one says them: "22 composed, 1 no solution"."""
        order = sorted(self.counts, key=lambda kind: (kind != "composed", kind))
        words = {kind: kind for kind in order} | {"near copy": "near copies"}
        said = ((n, words[kind] if n > 1 else kind) for kind in order if (n := self.counts[kind]))
        return ", ".join(f"{n} {kind}" for n, kind in said) or "none"


def lasting(seconds: float) -> str:
    """Return a time as one says it.

    >>> lasting(8.4), lasting(100), lasting(4000), lasting(200_000)
    ('8 seconds', '1 min 40 s', '1 h 6 min', '2 days 7 h')
    """
    whole = round(seconds)
    if whole < 60:
        return counted(whole, "second")
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{counted(whole // 86400, 'day')} {whole % 86400 // 3600} h"


def sized(count: float) -> str:
    """Return a size as one says it.

    >>> sized(900), sized(84_000), sized(2.5e9)
    ('900 bytes', '84 KB', '2.5 GB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if count >= unit:
            share = count / unit
            return f"{share:.0f} {name}" if share >= 10 else f"{share:.1f} {name}"
    return counted(round(count), "byte")
