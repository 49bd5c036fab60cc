"""How fast it is, measured and written down beside what was aimed at.

    python tests/benchmarks/bench.py [PART ...]

Writes RESULTS.md beside this file; of single parts only their sections. Asserts nothing: a figure
that misses its aim says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import batches
import brother
import diatony
import form
import peers
import proving
import spanning
import tried
import tune
import voicings

from cspcomposer import (
    analyse,
    compose,
    facts,
    read,
    recompose,
    recompose_parts,
    rulebook,
    rulebook_pieces,
    solver,
    specfile,
)
from cspcomposer import check as checks
from cspcomposer import pitch as pitches
from cspcomposer.corpus import bach_chorales
from cspcomposer.errors import NoSolution
from cspcomposer.facts import Outline
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score, note_at, onsets
from cspcomposer.search import Progress
from cspcomposer.solver import Source
from cspcomposer.specfile import LoadedSpec
from cspcomposer.spread import TOGETHER

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
BEATS = (16, 32, 64, 128, 256, 1024)
# Time a beat in a long piece beside that in one of 64.
LINEAR, LONG, RATIO = 64, 1024, 1.5
PREFERRED = 32
BAR_AGAIN = 1.0
SAMPLE = 40
ALIKE = {"parallel_fifths", "parallel_octaves", "parallel_unisons", "direct_fifths",
         "direct_octaves", "voice_crossing", "voice_overlap"}  # fmt: skip
ASKED = ("parallelFifth", "parallelOctave", "parallelUnison", "hiddenFifth", "hiddenOctave",
         "voiceCrossing", "voiceOverlap")  # fmt: skip


def main() -> None:
    """Measure everything, print it and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {
        "starting": starting, "composing": composing, "proving": proving.table,
        "tunes": proving.real,
        "spanning": spanning.table, "otherwise": spanning.contenders, "models": models,
        "preferring": preferring, "voicings": voicings.table, "answering": answering,
        "form": form.table, "batches": batches.table, "checking": checking,
    }  # fmt: skip
    parser.add_argument("part", nargs="*", choices=[[], *parts], help=", ".join(parts))
    names = parser.parse_args().part
    head = "\n".join(_about())
    sections: dict[str, str] = {}
    for name in names or parts:
        load = os.getloadavg()[0]
        text = "\n".join(parts[name]())
        if names:
            now = f"{datetime.now(UTC):%Y-%m-%d}"
            text += f"\n\n*Measured by itself on {now}, the load being {load:.1f} before.*"
        print(text, end="\n\n", flush=True)
        sections |= _sections(text)
    if names:
        old = RESULTS.read_text(encoding="utf-8")
        head, sections = old.partition("\n\n## ")[0], {**_sections(old), **sections}
    RESULTS.write_text("\n\n".join([head, *sections.values()]) + "\n", encoding="utf-8")
    print(f"Written to {RESULTS}.")


def _sections(text: str) -> dict[str, str]:
    """Return the sections of a page by their headings."""
    _, *found = re.split(r"(?:^|\n\n)(?=## )", text.strip())
    return {section.partition("\n")[0]: section.strip() for section in found}


def _about() -> Iterator[str]:
    packages = ("clingo", "music21", "numpy", "verovio")
    names = ", ".join(f"{p} {version(p)}" for p in packages)
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`. Seconds are wall time; between machines compare ratios."
    yield ""
    yield f"* {datetime.now(UTC):%Y-%m-%d}; {_processor()}, {os.cpu_count()} cores, load "
    yield f"  {os.getloadavg()[0]:.1f}; Python {platform.python_version()}; {names}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


def _reached(value: float, aim: float, what: str = "") -> str:
    return tried.verdict(value <= aim, what)


def starting() -> Iterator[str]:
    """Yield a table of how long the command line takes to start."""
    yield "## Starting\n"
    yield "Median of five.\n"
    yield "| command | seconds | aim | |"
    yield "|---|--:|--:|---|"
    with tempfile.TemporaryDirectory() as folder:
        demo = ["compose", str(ROOT / "examples" / "demo.yaml"), "--out", folder]
        for arguments, aim in ((["--help"], 0.3), (demo, 4.0)):
            times = [_timed(lambda a=arguments: _ran(a)) for _ in range(5)]  # type: ignore[misc]
            middle = statistics.median(times)
            name = " ".join(a for a in arguments[:2]).replace(f"{ROOT}/", "")
            yield f"| `{name}` | {middle:.2f} | {aim} | {_reached(middle, aim, 'starting')} |"


def _ran(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "cspcomposer", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def composing() -> Iterator[str]:
    """Yield a table of how long harmonising takes as the piece grows."""
    yield "## Composing\n"
    yield f"The soprano of {tune.TUNE}, its first 32 beats cut or repeated, set in four voices"
    yield "with the default effort. The cost: strong faults, then tenths of a nat.\n"
    yield "The whole run: from the specification to the checked score; memory: that of the largest"
    yield "process so far.\n"
    yield "| beats | first answer | cost | best found | cost | per beat | whole run | a beat | MB |"
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    each: dict[int, float] = {}
    for beats in BEATS:
        first: list[Progress] = []

        def watch(step: Progress, seen: list[Progress] = first) -> None:
            seen.append(step)

        piece = compose.compose(tune.loaded(beats), watch=watch)
        spent = piece.seconds["ground"] + piece.seconds["solve"]
        found, whole = first[0].answer.cost, sum(piece.seconds.values())
        each[beats] = whole / beats
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        yield (
            f"| {beats} | {first[0].seconds:.1f} | {_cost(found)} | {spent:.1f} "
            f"| {_cost(piece.cost)} | {piece.cost[-1] / beats:.1f} | {whole:.1f} "
            f"| {each[beats]:.3f} | {peak} |"
        )
    ratio = each[LONG] / each[LINEAR]
    yield ""
    yield (
        f"* time a beat at {LONG} beats against {LINEAR}: {ratio:.2f} times; aim {RATIO}: "
        f"{_reached(ratio, RATIO, 'composing')}"
    )


def models() -> Iterator[str]:
    """Yield tables of problems that others have stated, beside those who solve them."""
    yield "## Brother\n"
    workers = brother.WORKERS
    yield from brother.table([brother.composed(60), brother.clingo(60), brother.cpsat(60, workers)])
    yield "\n## Diatony\n"
    yield from diatony.table(60)
    yield "\n## Peers\n"
    yield from peers.table()


def preferring() -> Iterator[str]:
    """Yield a table of what preferring costs: the same tune with each prior."""
    yield "## Preferring\n"
    yield f"The same soprano, {PREFERRED} beats, with each prior; start-up is not counted.\n"
    yield "| prior | seconds | times the tables |"
    yield "|---|--:|--:|"
    spent = {}
    for model in ("tables", "chorale", "none"):
        text = f"{tune.spec(PREFERRED)}prior: {model}\n"
        begin = time.monotonic()
        compose.compose(specfile.parse(text.encode(), Path("tune.yaml")))
        spent[model] = time.monotonic() - begin
    for model, seconds in spent.items():
        yield f"| {model} | {seconds:.1f} | {seconds / spent['tables']:.2f} |"
    times = spent["chorale"] / min(spent["tables"], spent["none"])
    yield ""
    word = _reached(times, 1.5)
    yield f"* the network against the quickest without it: {times:.2f} times; aim 1.5: {word}"


def answering() -> Iterator[str]:
    """Yield a table of how soon single questions are answered."""
    yield "## Single questions\n"
    yield f"{LINEAR} beats in four voices; start-up is not counted.\n"
    yield "| question | seconds |"
    yield "|---|--:|"
    asked = tune.loaded(LINEAR)
    piece = compose.compose(asked)
    yield f"| what breaks which rule | {_timed(lambda: checks.check(piece.score)):.2f} |"
    # The bass does not end as the cadence that is asked for would have it.
    text = f"key: C major\nphrases: [{{bars: {LINEAR // 4}, cadence: authentic}}]\n"
    text += f"given: {{bass: 's1*{LINEAR // 4 - 1} | f2 c2'}}\n"
    refused = _timed(lambda: _refused(specfile.parse(text.encode(), Path("bass.yaml"))))
    yield f"| why a bass cannot close as asked | {refused:.2f} |"
    bar = recompose_parts.parse(["3"])
    again = _timed(lambda: recompose.recompose(asked, piece.score, bar))
    yield f"| one bar composed again, to the checked score | {again:.2f} |"
    yield f"\n* one bar again within {BAR_AGAIN:.0f} s: {_reached(again, BAR_AGAIN, 'one bar')}"


def _refused(asked: LoadedSpec) -> None:
    try:
        compose.compose(asked)
    except NoSolution:
        return
    raise RuntimeError("expected no solution")


def _cost(cost: tuple[int, ...]) -> str:
    return ", ".join(map(str, cost))


def checking() -> Iterator[str]:
    """Yield how much faster every rule is checked than seven with music21."""
    names = bach_chorales()
    scores = [read.read_chorale(name) for name in names]
    beats = float(sum(checks.beats(score) for score in scores))
    checks.check_all(scores[:2])  # what is prepared once is not counted
    checks.check(scores[0])
    analysed: list[Score] = []
    estimating = _timed(lambda: analysed.extend(_in_groups(analyse.analysed_all, scores)))
    clingo = [0.0]
    with _stopwatch(solver, "consequences", clingo):
        ours = _timed(lambda: _in_groups(checks.check_all, analysed))
    single = _timed(lambda: [checks.check(score) for score in analysed])
    _alike(analysed[:2])
    alike = _timed(lambda: _in_groups(_alike, analysed))
    sample = scores[:: max(1, len(scores) // SAMPLE)][:SAMPLE]
    sampled = float(sum(checks.beats(score) for score in sample))
    peer = _timed(lambda: [_peer(score) for score in sample]) * beats / sampled
    yield "## Checking\n"
    yield f"{len(scores)} chorales of Bach, {beats:.0f} beats, every rule, {TOGETHER} at a time"
    yield "as a study takes them, parsing the files not counted; beside it a plain loop over"
    yield "music21's `VoiceLeadingQuartet` that asks seven questions of all pairs of voices,"
    yield f"on {len(sample)} chorales, scaled by beats. All in one run.\n"
    yield "| what | seconds | beats a second |"
    yield "|---|--:|--:|"
    rows = {"every rule, from notes to sentences": ours,
            "of this in clingo and its process": clingo[0],
            "every rule, one piece at a time": single,
            "estimating keys and chords": estimating,
            "the whole check": ours + estimating,
            "seven rules alone, from notes to atoms": alike,
            "music21, seven questions": peer}  # fmt: skip
    for name, seconds in rows.items():
        yield f"| {name} | {seconds:.1f} | {beats / seconds:.0f} |"
    yield ""
    for name, seconds in {"seven rules": alike, "clingo with every rule": clingo[0],
                          "every rule, from notes to sentences": ours,
                          "the whole check": ours + estimating}.items():  # fmt: skip
        ratio = peer / seconds
        word = _reached(50, ratio, "checking")
        yield f"* {name} against music21: {ratio:.1f} times as fast; aim 50: {word}"


def _in_groups(work: Callable[[Sequence[Score]], list[Any]], scores: Sequence[Score]) -> list[Any]:
    starts = range(0, len(scores), TOGETHER)
    return [item for i in starts for item in work(scores[i : i + TOGETHER])]


@cache
def _seven() -> list[Source]:
    texts = rulebook.program(["given"], "report", style="chorale")
    kept = [t for t in texts if Path(t.name).stem in ALIKE or "/rules/" not in t.name]
    return sliced(kept, [("violation", 3)])


def _alike(scores: Sequence[Score]) -> list[int]:
    texts = [facts.facts(Outline(s, tuple(c.onset for c in s.chords))) for s in scores]
    found = rulebook_pieces.consequences(_seven(), texts, show={"violation": 3})
    return list(map(len, found))


class _stopwatch:
    """Adds up the time that a function of a module takes, while entered."""

    def __init__(self, module: Any, name: str, total: list[float]) -> None:
        self._module, self._name, self._total = module, name, total
        self._function = getattr(module, name)

    def __enter__(self) -> None:
        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return self._function(*arguments, **options)
            finally:
                self._total[0] += time.perf_counter() - begin

        setattr(self._module, self._name, timed)

    def __exit__(self, *_: object) -> None:
        setattr(self._module, self._name, self._function)


def _peer(score: Score) -> int:
    from music21 import note, voiceLeading

    found = 0
    for before, now in pairwise(onsets(score)):
        for i, v in enumerate(score.voices):
            for w in score.voices[i + 1 :]:
                four = [note_at(x, t) for x in (v, w) for t in (before, now)]
                names = [pitches.name(n.pitch).replace("b", "-") for n in four if n]
                if len(names) == 4:
                    quartet = voiceLeading.VoiceLeadingQuartet(*(note.Note(n) for n in names))
                    found += sum(bool(getattr(quartet, method)()) for method in ASKED)
    return found


if __name__ == "__main__":
    main()
