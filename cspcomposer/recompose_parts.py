"""Which part of a piece: bars, voices, or both, as a musician writes them. Knows no notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cspcomposer.errors import BadInput, Fault

_BARS = re.compile(r"(\d{1,4})(?: ?- ?(\d{1,4}))?")
_VOICE = re.compile(r"[a-z][a-z0-9_]*")
_HINT = "Write bars (5-6), voices (tenor), or both (5:alto,tenor)."


@dataclass(frozen=True)
class Part:
    """Some bars of some voices.

    Attributes:
        bars: The first and the last bar, as printed; None for all.
        voices: Names; none for all.
    """

    bars: tuple[int, int] | None = None
    voices: tuple[str, ...] = ()

    def holds(self, voice: str, bar: int) -> bool:
        """Return whether a bar of a voice belongs to it."""
        within = self.bars is None or self.bars[0] <= bar <= self.bars[1]
        return within and (not self.voices or voice in self.voices)


@dataclass(frozen=True)
class Parts:
    """Several parts, or all but these.

    Attributes:
        parts: At least one.
        but: Whether all else is meant.
    """

    parts: tuple[Part, ...]
    but: bool = False

    def holds(self, voice: str, bar: int) -> bool:
        """Return whether a bar of a voice belongs to what is meant."""
        return any(part.holds(voice, bar) for part in self.parts) != self.but


def parse(texts: Sequence[str], *, but: bool = False) -> Parts:
    """Return the parts that some texts name.

    >>> parse(["5-6", "tenor", "8:alto,tenor"]).holds("tenor", 1)
    True

    Raises:
        BadInput: a text that names none.
    """
    return Parts(tuple(part for text in texts for part in _parts(text)), but)


def _parts(text: str) -> Iterator[Part]:
    left, colon, right = (side.strip() for side in text.partition(":"))
    bars, voices = (left, right) if colon or left[:1].isdigit() else ("", left)
    names = tuple(name.strip().lower() for name in voices.split(",")) if voices else ()
    odd = next((name for name in names if not _VOICE.fullmatch(name)), None)
    if odd is not None or (colon and not (bars and voices)) or not (bars or voices):
        raise _unreadable(text)
    for stretch in bars.split(",") if bars else ():
        found = _BARS.fullmatch(stretch.strip())
        if not found:
            raise _unreadable(text)
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise BadInput(Fault(f"'{text}': the bars {first} to {last} go backwards."))
        yield Part((first, last), names)
    if not bars:
        yield Part(None, names)


def _unreadable(text: str) -> BadInput:
    return BadInput(Fault(f"'{text}' names no part of a piece.", hint=_HINT))
