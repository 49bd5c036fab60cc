"""Short ways to compose for a test, and to look at what came out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from cspcomposer import compose as composer
from cspcomposer import facts, specfile
from cspcomposer import pitch as pitches
from cspcomposer.compose import Composition
from cspcomposer.score import Score, note_at, onsets
from cspcomposer.search import Effort
from cspcomposer.specfile import LoadedSpec

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
QUICK = Effort(1500)


def spec(text: str, path: Path = Path("piece.yaml")) -> LoadedSpec:
    return specfile.parse(text.encode(), path)


def composed(text: str, *, seed: int | None = None) -> Composition:
    """A piece found with little effort."""
    return composer.compose(spec(text), seed=seed, effort=QUICK)


def hard(piece: Composition) -> list[str]:
    """The hard faults of a piece."""
    return [f"bar {v.bar}: {v.message}" for v in piece.report.violations if v.severity == "hard"]


def sung(score: Score) -> dict[str, list[tuple[Fraction, int]]]:
    """Onset and pitch of all notes, by voice."""
    return {v.name: [(n.onset, n.pitch) for n in v.notes] for v in score.voices}


def cadence(score: Score, end: Fraction) -> str:
    """How a phrase closes, told from the last two different chords up to its end."""
    names = [c.numeral for c in score.chords if c.onset <= end]
    last = names[-1]
    before = next((n for n in reversed(names) if n != last), "")
    if last in ("V", "V7"):
        return "half"
    dominant = before in ("V", "V7") or before.startswith("vii")
    if last in ("VI", "vi"):
        return "deceptive" if dominant else "other"
    if last in ("I", "i"):
        return "authentic" if dominant else "plagal" if before[:2].upper() == "IV" else "other"
    return "other"


def parallels(score: Score) -> Iterator[str]:
    """Parallel fifths and octaves within phrases, as music21 hears them."""
    from music21 import note, voiceLeading

    times = onsets(score)
    breaths = {last for _, _, last in facts.phrases(score, times)}
    for before, now in pairwise(times):
        if before in breaths:
            continue
        for i, v in enumerate(score.voices):
            for w in score.voices[i + 1 :]:
                four = [note_at(x, t) for x in (v, w) for t in (before, now)]
                names = [pitches.name(n.pitch).replace("b", "-") for n in four if n]
                if len(names) < 4:
                    continue
                quartet = voiceLeading.VoiceLeadingQuartet(*(note.Note(n) for n in names))
                # music21 calls octaves in contrary motion parallel, too.
                if quartet.similarMotion() and (
                    quartet.parallelFifth() or quartet.parallelOctave() or quartet.parallelUnison()
                ):
                    yield f"{v.name} and {w.name} at {now}: {' '.join(names)}"
