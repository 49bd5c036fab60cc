"""The tune that benchmarks set: a chorale's, cut or repeated to so many beats."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from cspcomposer import compose, read, render, specfile
from cspcomposer import pitch as pitches
from cspcomposer.errors import OutOfTime
from cspcomposer.score import Note
from cspcomposer.search import Effort
from cspcomposer.specfile import LoadedSpec

TUNE = "bach/bwv104.6.mxl"
_WHOLE = 32


def loaded(beats: int) -> LoadedSpec:
    """Return what asks for four voices to the tune."""
    return specfile.parse(spec(beats).encode(), Path("tune.yaml"))


@contextlib.contextmanager
def given(file: str) -> Iterator[LoadedSpec]:
    """Yield what asks for four voices to the soprano of a chorale."""
    score = read.read_chorale(file)
    soprano = replace(score.voices[0], name="soprano", clef="treble")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        render.write(replace(score, voices=(soprano,), chords=()), home, "tune", ("musicxml",))
        (home / "tune.yaml").write_text("given: {soprano: {file: tune.musicxml}}\n")
        yield specfile.load(home / "tune.yaml")


def told(cost: tuple[int, ...]) -> str:
    """Return a cost in words: strong faults, if there are any, then the rest."""
    return ", ".join(map(str, cost if any(cost[:-1]) else cost[-1:]))


def prepare(asked: LoadedSpec) -> None:
    """Compile the tables of a piece that are not kept yet."""
    with contextlib.suppress(OutOfTime):
        compose.compose(asked, effort=Effort(conflicts=1, prove=True))


def spec(beats: int, times: int | None = None) -> str:
    """Return a specification that gives so many beats of the tune.

    Args:
        beats: So many; more than there are repeat it.
        times: Give them so often.
    """
    score = read.read_chorale(TUNE)
    notes = [n for n in score.voices[0].notes if n.end <= min(beats, _WHOLE)]
    line = " ".join(map(_written, notes))
    pickup = score.measures[0].length if score.measures[0].number == 0 else Fraction(0)
    return (
        f"key: {score.keys[0]}\nmetre: 4/4\n"
        + (f"pickup: {Fraction(pickup, 4)}\n" if pickup else "")
        + "given:\n  soprano: |\n"
        + f"    {line}\n" * ((times or 1) * max(1, beats // _WHOLE))
    )


def _written(note: Note) -> str:
    letter, alter, octave = pitches.parts(note.pitch)
    name = letter.lower() + ("is" * alter if alter > 0 else "es" * -alter)
    marks = "'" * (octave - 3) if octave >= 3 else "," * (3 - octave)
    return f"{name}{marks}4*{note.duration}" + ("\\fermata" if note.fermata else "")
