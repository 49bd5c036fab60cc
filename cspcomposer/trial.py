"""Rule files of the user's own, tried on three chords before they take part.

A rule that counts on for ever would keep the grounder busy until it is stopped; here it is stopped
soon, and named.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cspcomposer import rulebook, solver
from cspcomposer.errors import BadRules, Fault, NotGrounded, OutOfTime, counted

SECONDS = 5.0
MUSIC = """
note(soprano,0,e,5). note(soprano,1,d,5). note(soprano,2,c,5). note(soprano,3,c,5).
note(alto,0,g,4).    note(alto,1,g,4).    note(alto,2,g,4).
note(tenor,0,c,4).   note(tenor,1,b,3).   note(tenor,2,e,4).
note(bass,0,c,3).    note(bass,1,g,3).    note(bass,2,c,3).
"""


def tried(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return rule files, each of which comes to an end on a little music.

    Raises:
        BadRules: those that do not.
    """
    if not paths or _ends(paths):
        return tuple(paths)
    endless = [path for path in paths if not _ends([path])]
    spent = counted(round(SECONDS), "second")
    message = f"this rule is still counting after {spent} on three chords."
    hint = "Give what it counts a bound, such as N < 100; or let it join fewer things."
    raise BadRules(*(Fault(message, path, hint=hint) for path in endless or paths))


def suspected(error: NotGrounded, paths: Sequence[Path]) -> NotGrounded:
    """Return an error that names the rule files which may be why."""
    if not paths:
        hint = "Ask for fewer bars or voices, or for chords that change less often."
        return NotGrounded(*(Fault(f.message, hint=hint) for f in error.faults))
    message = "this rule of your own may be why: it joins too much, or never ends."
    return NotGrounded(*error.faults, *(Fault(message, path) for path in paths))


def _ends(paths: Sequence[Path]) -> bool:
    home = rulebook.folder()
    shipped = [*rulebook.theory(), home / "choose" / "example.lp",
               home / "policy" / "active.lp", home / "policy" / "report.lp"]  # fmt: skip
    sources = [solver.Source(str(p), rulebook.base_part(p)) for p in [*shipped, *paths]]
    try:
        solver.shared().ground([*sources, solver.Source("music", MUSIC)], seconds=SECONDS)
    except OutOfTime:
        return False
    return True
