"""The chorales as arrays, and which of them teach and which examine. Knows no network.

The canonical split is the one of N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (ICML 2012),
found again by content in `split.json`; more than half of its test pieces share their tune with a
training piece, so a second split keeps each tune on one side.
"""

from __future__ import annotations

import json
import pickle
import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

from cspcomposer import __version__, corpus, read, rulebook, solver
from cspcomposer import cache as score_cache
from cspcomposer.analyse import analysed
from cspcomposer.facts import key_at
from cspcomposer.score import Score
from neural_priors.frames import ChordNames, Frames, Row, chord_names, chords, frames, home

Split = Literal["canonical", "tunes"]
Part = Literal["train", "valid", "test", "left out"]
SPLITS: tuple[Split, ...] = ("canonical", "tunes")
_FILE = Path(__file__).with_name("split.json")
# The tune split: a fifth of the pieces examine, three twentieths say when to stop.
_SEED, _TEST, _VALID = 7, 0.2, 0.35


@dataclass(frozen=True)
class Piece:
    """One chorale.

    Attributes:
        name: As the corpus calls it.
        key: "G major".
        frames: What a network sees of it.
        chords: [2, F] root and quality of the chord in each column; -1 where none is known.
    """

    name: str
    key: str
    frames: Frames
    chords: Row


def score(name: str) -> Score:
    """Return a chorale with estimated keys and chords."""
    return analysed(read.read_chorale(name))


@cache
def pieces() -> tuple[Piece, ...]:
    """Return all chorales; half a minute the first time, then from the user's cache folder."""
    names = corpus.bach_chorales()
    salt = (__version__, Path(__file__).with_name("frames.py").read_text(encoding="utf-8"))
    kept = score_cache.folder().parent / f"frames-{score_cache.key(b'', *names, *salt)[:16]}.pickle"
    try:
        found: tuple[Piece, ...] = pickle.loads(kept.read_bytes())
        return found
    except (OSError, pickle.UnpicklingError, AttributeError, ImportError, EOFError, ValueError):
        pass
    known = chord_names()
    found = tuple(_piece(name, known) for name in names)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_bytes(pickle.dumps(found))
        part.replace(kept)
    except OSError:
        pass
    return found


def _piece(name: str, known: ChordNames) -> Piece:
    music = score(name)
    key = home(music)
    seen = frames(music, key, goals=_goals(music))
    return Piece(name, str(key), seen, chords(music, seen.times, seen.shift, known))


def _goals(music: Score) -> dict[Fraction, str]:
    """Return how the phrases of a chorale end in its home key, where that has a name."""
    key, names = home(music), chord_names().chords
    kinds = {names.get((key.tonic, key.mode, numeral)): kind for kind, numeral in _restful()}
    starts = [chord.onset for chord in music.chords]
    out = {}
    for end in music.phrase_ends:
        chord = music.chords[max(0, bisect_right(starts, end) - 1)]
        at = key_at(music.keys, end)
        found = kinds.get(names.get((at.tonic, at.mode, chord.numeral)))
        if found:
            out[end] = found
    return out


@cache
def _restful() -> tuple[tuple[str, str], ...]:
    """Return kinds of cadence and the numerals that they end on, as the rules say."""
    path = rulebook.folder() / "candidates" / "harmony.lp"
    atoms, _ = solver.consequences(
        [solver.Source(str(path), rulebook.base_part(path))], show={"restful_in": 2}
    )
    # An authentic and a plagal cadence end alike: the one that comes first stands for both.
    said = [(str(a.arguments[0]), str(a.arguments[1])) for a in atoms]
    return tuple(sorted(said, reverse=True))


@cache
def parts(split: Split) -> Mapping[str, Part]:
    """Return which part of a split each chorale belongs to."""
    said = json.loads(_FILE.read_text(encoding="utf-8"))["pieces"]
    return _canonical(said) if split == "canonical" else _by_tune(said)


def tunes() -> Mapping[str, int]:
    """Return the number of each chorale's tune."""
    said = json.loads(_FILE.read_text(encoding="utf-8"))["pieces"]
    return {name: entry["tune"] for name, entry in said.items()}


def part(split: Split, wanted: Part) -> tuple[Piece, ...]:
    """Return the chorales of one part of a split."""
    where = parts(split)
    return tuple(piece for piece in pieces() if where[piece.name] == wanted)


def _canonical(said: Mapping[str, dict[str, object]]) -> dict[str, Part]:
    out: dict[str, Part] = {}
    order: tuple[Part, ...] = ("test", "valid", "train")
    for name, entry in said.items():
        stated = entry["split"]
        assert isinstance(stated, list)
        out[name] = next((p for p in order if p in stated), "left out")
    examined = {said[name]["tune"] for name, where in out.items() if where in ("test", "valid")}
    # What the split does not know may teach, unless its tune is examined.
    for name, entry in said.items():
        if not entry["split"] and entry["tune"] not in examined:
            out[name] = "train"
    return out


def _by_tune(said: Mapping[str, dict[str, object]]) -> dict[str, Part]:
    groups: dict[object, list[str]] = defaultdict(list)
    for name, entry in said.items():
        groups[entry["tune"]].append(name)
    order = sorted(groups, key=lambda tune: int(str(tune)))
    random.Random(_SEED).shuffle(order)
    out: dict[str, Part] = {}
    done = 0
    for tune in order:
        where: Part = "train"
        if done < _VALID * len(said):
            where = "test" if done < _TEST * len(said) else "valid"
        out.update(dict.fromkeys(groups[tune], where))
        done += len(groups[tune])
    return out


def counts(found: Iterable[Piece]) -> str:
    """Return how many pieces and columns there are in each part of each split, as lines."""
    lengths = {piece.name: len(piece.frames.times) for piece in found}
    lines = []
    for split in SPLITS:
        where = parts(split)
        number = Counter(where[name] for name in lengths)
        beats: Counter[str] = Counter()
        for name, length in lengths.items():
            beats[where[name]] += length
        said = ", ".join(f"{p} {n} ({beats[p]} beats)" for p, n in sorted(number.items()))
        lines.append(f"{split}: {said}")
    return "\n".join(lines)
