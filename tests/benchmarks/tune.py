"""The tune that benchmarks set: a chorale's, cut or repeated to so many beats."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

from cspcomposer import compose, read, specfile
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
        + f"    {line}\n" * (times or max(1, beats // _WHOLE))
    )


def _written(note: Note) -> str:
    letter, alter, octave = pitches.parts(note.pitch)
    name = letter.lower() + ("is" * alter if alter > 0 else "es" * -alter)
    marks = "'" * (octave - 3) if octave >= 3 else "," * (3 - octave)
    return f"{name}{marks}4*{note.duration}" + ("\\fermata" if note.fermata else "")
