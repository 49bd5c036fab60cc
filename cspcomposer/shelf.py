"""Compiled tables, made when they are first needed and kept in the user's cache folder.

What a table is made from is its name, so that nothing kept is ever out of date. A lost or broken
cache is never an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from cspcomposer import kept
from cspcomposer.facts_window import Moments, Variable, Window
from cspcomposer.lattice import Seen
from cspcomposer.patience import Late, in_time, never
from cspcomposer.rulebook_moments import Excerpt, Excerpts
from cspcomposer.solver import Solver, Source
from cspcomposer.tables import HARMONY, Compiled, Flags
from cspcomposer.tables_build import compiled
from cspcomposer.tables_pack import packed, unpacked

WIDE = 3
# Raised when what is kept changes in form or in how it is made.
FORM = "3"


class Shelf:
    """Tables for the windows of pieces.

    Whatever looks for tables raises `LateError` when there is no time for it.

    Attributes:
        made: How many were not kept and had to be made.
    """

    def __init__(
        self,
        solver: Solver,
        excerpts: Excerpts,
        pitches: Mapping[str, Sequence[int]],
        tell: Callable[[str], None] | None = None,
        late: Late = never,
    ) -> None:
        self._solver, self._pitches, self._tell, self._late = solver, pitches, tell, late
        self._rules, self._open = excerpts.rules, excerpts.open
        self._within = "\n".join(f"within({v},{p})." for v, ps in pitches.items() for p in ps)
        self._known: dict[str, Compiled] = {}
        self.made = 0

    def pairs(self, moments: Moments) -> list[Seen]:
        """Return what is open and what preferences charge for, two neighbouring slots at a time."""
        return [
            self._seen(moments, first, 2, self._open, {}) for first in range(len(moments.slots) - 1)
        ]

    def windows(self, moments: Moments, pairs: Sequence[Seen]) -> list[Seen]:
        """Return what breaks rules, a few neighbouring slots at a time."""
        wide = min(WIDE, len(moments.slots))
        fits: dict[tuple[str, int], Flags] = {}
        for seen in pairs:
            shift = moments.slots[seen.first] - seen.slots[0]
            for one in seen.compiled:
                fits |= {(voice, time + shift): flags for (voice, time), flags in one.fits.items()}
        out = []
        for first in range(len(moments.slots) - wide + 1):
            inside = moments.slots[first : first + wide]
            out.append(self._seen(moments, first, wide, self._rules, {
                here: flags for here, flags in fits.items() if here[1] in inside
            }))  # fmt: skip
        return out

    def _seen(
        self,
        moments: Moments,
        first: int,
        count: int,
        excerpts: Sequence[Excerpt],
        fits: Mapping[Variable, Flags],
    ) -> Seen:
        in_time(self._late)
        window = moments.window(first, count)
        shift = window.slots[0] - moments.slots[first]
        there = {(voice, time + shift): flags for (voice, time), flags in fits.items()}
        sizes = {voice: len(pitches) for voice, pitches in self._pitches.items()}
        fixed = {
            here: self._pitches[here[0]].index(moments.pitch(first, here))
            for here, given in window.struck.items() if given
        }  # fmt: skip
        return Seen(
            first, window.slots, fixed,
            tuple(self._compiled(excerpt, window, count, there) for excerpt in excerpts),
            sizes | {HARMONY: len(moments.chords[moments.slots[first]])},
        )  # fmt: skip

    def _compiled(
        self, excerpt: Excerpt, window: Window, count: int, fits: Mapping[Variable, Flags]
    ) -> Compiled:
        in_time(self._late)
        told = {**window.facts, "within": self._within}
        facts = "\n".join(told.get(name, "") for name in sorted(excerpt.looks_at))
        open_ones = str(sorted(window.struck.items()))
        digest = hashlib.sha256(
            "\0".join([FORM, str(count), open_ones, excerpt.text, facts]).encode()
        )
        for here, flags in sorted(fits.items()):
            digest.update(str(here).encode() + flags.tobytes())
        name = digest.hexdigest()
        found = self._known.get(name) or _load(name)
        if found is None:
            self.made += 1
            if self._tell:
                self._tell(f"compiling the rules for this key, once: table {self.made}")
            ground = self._solver.rules([Source("excerpt", f"{excerpt.text}\n{facts}")])
            found = compiled(ground, window, self._pitches, fits)
            kept.store("tables", name, packed(found))
        self._known[name] = found
        return found


def _load(name: str) -> Compiled | None:
    data = kept.load("tables", name)
    try:
        return unpacked(data) if data is not None else None
    except ValueError:
        return None
