"""Short ways to compose for a test, and to look at what came out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from cspcomposer import compose as composer
from cspcomposer import specfile
from cspcomposer.compose import Composition
from cspcomposer.score import Score
from cspcomposer.search import Effort
from cspcomposer.specfile import LoadedSpec
from neural_priors.metrics import parallels as parallels

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
