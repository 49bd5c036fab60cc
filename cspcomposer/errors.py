"""What can go wrong, as one tree; every leaf says what was found, expected, and to do.

CSPComposerError
├── BadInput                exit 2   a file or an option that cannot be understood
│   ├── BadSpec                      a specification file (carries every fault at once)
│   ├── BadScore                     a score file
│   └── BadRules                     a rule file, a style, a predicate nobody defines
├── NoSolution              exit 3   the rules and the given lines contradict each other
└── OutOfTime               exit 4   no answer within the effort allowed
    ├── NotGrounded                  the rules of a piece could not even be laid out in time
    └── SolverStopped                the solving process died (memory, a signal)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One thing wrong in one place.

    Attributes:
        message: One sentence: what was found and what was expected.
        file: The file, or None where there is none.
        line: Counted from 1; 0 where there is none.
        column: Counted from 1; 0 where there is none.
        key: The key of a spec, the part of a score, the predicate of a rule; "" where none.
        hint: What to do, one sentence; "" where the message says it.
    """

    message: str
    file: Path | None = None
    line: int = 0
    column: int = 0
    key: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(p) for p in (self.file or "", self.line or "", self.column or "") if p)
        key = f"{self.key}: " if self.key else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{place}: {key}{self.message}{hint}" if place else f"{key}{self.message}{hint}"


def counted(number: int | Fraction, noun: str) -> str:
    """Return how many there are of something that takes an s.

    >>> counted(1, "bar"), counted(2, "bar")
    ('1 bar', '2 bars')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


class CSPComposerError(Exception):
    """The root: everything this program raises on purpose.

    Attributes:
        exit_code: What the command line exits with.
        faults: The single things wrong, in the order of the file.
    """

    exit_code = 1

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(f if isinstance(f, Fault) else Fault(f) for f in faults)
        super().__init__("\n".join(map(str, self.faults)))


class BadInput(CSPComposerError):
    """A file or an option that cannot be understood."""

    exit_code = 2


class BadSpec(BadInput):
    """A specification file that cannot be understood; carries every fault at once."""


class BadScore(BadInput):
    """A score file that cannot be read."""


class BadRules(BadInput):
    """A rule file that cannot be used."""


class NoSolution(CSPComposerError):
    """The rules and the given lines contradict each other."""

    exit_code = 3


class OutOfTime(CSPComposerError):
    """No answer within the effort allowed."""

    exit_code = 4


class NotGrounded(OutOfTime):
    """The rules and the piece could not be put together in time: too long, or without an end."""


class SolverStopped(OutOfTime):
    """The solving process died: out of memory, or ended by a signal."""
