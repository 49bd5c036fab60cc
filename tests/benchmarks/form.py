"""How long a form takes, from 16 bars to 128, in four voices: a first complete score, and memory.

`python tests/benchmarks/form.py [BARS ...]` prints a table. Each piece is composed in a process
of its own, so that the memory is its own. "new" has no section twice, "returns" is A A' B A'.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tried

BARS = (16, 32, 64, 128)
KINDS = ("new", "returns")
RHYTHMS = ("half", "beat")
# What is wanted of the longest.
SECONDS, MEGABYTES = 20, 1500
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def text(kind: str, bars: int, rhythm: str) -> str:
    """Return a specification of so many bars."""
    if kind == "returns":
        form, sections = "A A' B A'", f"  A: {{bars: {bars // 4}}}\n  B: {{bars: {bars // 4}}}"
    else:
        names = LETTERS[: bars // 8]
        form = " ".join(names)
        sections = "\n".join(f"  {name}: {{bars: 8}}" for name in names)
    return (
        f'form: "{form}"\nkey: C major\nharmonic_rhythm: {rhythm}\nprior: tables\n'
        f"sections:\n{sections}\n"
    )


def one(kind: str, bars: int, rhythm: str) -> str:
    """Return a row: what the first complete score took, with its surface and the last check."""
    from cspcomposer import compose, specfile
    from cspcomposer.search import Effort

    loaded = specfile.parse(text(kind, bars, rhythm).encode(), Path("piece.yaml"))
    begin, first = time.monotonic(), [0.0]

    def watch(progress: object) -> None:
        first[0] = first[0] or time.monotonic() - begin

    per_bar = {"half": 2, "beat": 4}[rhythm]
    piece = compose.compose(loaded, effort=Effort(12 * per_bar * bars), watch=watch)
    whole = time.monotonic() - begin
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    memory = _peak() + usage[1].ru_maxrss / 1024
    spent = sum(u.ru_utime for u in usage)
    hard = sum(v.severity == "hard" for v in piece.report.violations)
    strong = sum(v.severity == "strong" for v in piece.report.violations)
    return (
        f"| {kind} | {rhythm} | {bars} | {first[0]:.1f} | {whole:.1f} | {spent:.1f} | {memory:.0f} "
        f"| {hard} | {strong} |"
    )


def _peak() -> float:
    """Return the most megabytes that this process held; `ru_maxrss` counts who started it, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def table(lengths: Sequence[int] = BARS) -> Iterator[str]:
    """Yield a table of forms that grow, with what is wanted of the longest."""
    yield "## Form\n"
    yield "A plan, and a first complete setting of it in four parts; then some bettering, the"
    yield 'surface (passing notes and the like), the last check. "new" has no section twice,'
    yield "\"returns\" is A A' B A'; the harmony may change with each half bar or each beat.\n"
    yield "| piece | harmony | bars | setting, s | finished, s | CPU, s | MB | hard | strong |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    said = []
    for kind in KINDS:
        for rhythm in RHYTHMS:
            for bars in lengths:
                command = [sys.executable, __file__, kind, str(bars), rhythm]
                run = subprocess.run(command, check=True, capture_output=True, text=True)
                row = run.stdout.strip()
                yield row
                cells = [cell.strip() for cell in row.split("|")]
                if bars == max(BARS):
                    fine = float(cells[4]) <= SECONDS and float(cells[7]) <= MEGABYTES
                    said.append(
                        f"* {bars} bars, {kind}, harmony by the {rhythm}: set within {SECONDS} s "
                        f"and {MEGABYTES} MB: {tried.verdict(fine, 'form')}"
                    )
    yield ""
    yield from said


def main(arguments: list[str]) -> None:
    """Print the table, or one row of it."""
    if len(arguments) == 3:
        print(one(arguments[0], int(arguments[1]), arguments[2]))
        return
    for line in table(tuple(map(int, arguments)) or BARS):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
