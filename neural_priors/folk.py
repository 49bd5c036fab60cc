"""Fifty folk tunes, which taught no network, as sopranos to be set.

They come with music21; metre, key and notes are all that is taken from them. Knows no network.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from cspcomposer import pitch as pitches
from cspcomposer import read, rulebook
from cspcomposer.score import Score, Signature
from neural_priors.frames import VOICES

# Half of them from the Essen collection, half from Aird's and O'Neill's, in the order of names. A
# tune qualifies if `unfit` has nothing against it and it is among the first thirty of its file. Of
# each kind, minor and major in 2/4, 3/4, 4/4 and 6/8, a half has three, and one more in a major
# 6/8; they come from as many files as can be, and no two in a half have the title or the beginning
# in common. `tests/test_folk.py` picks them anew.
TUNES: tuple[tuple[str, int], ...] = (
    ("airdsAirs/book1.abc", 4), ("airdsAirs/book2.abc", 1), ("airdsAirs/book2.abc", 14),
    ("airdsAirs/book3.abc", 6), ("airdsAirs/book4.abc", 15), ("airdsAirs/book5.abc", 10),
    ("airdsAirs/book6.abc", 8), ("essenFolksong/altdeu10.abc", 6),
    ("essenFolksong/altdeu10.abc", 10), ("essenFolksong/altdeu20.abc", 3),
    ("essenFolksong/ballad10.abc", 4), ("essenFolksong/ballad20.abc", 16),
    ("essenFolksong/ballad30.abc", 5), ("essenFolksong/ballad40.abc", 11),
    ("essenFolksong/ballad50.abc", 26), ("essenFolksong/ballad60.abc", 27),
    ("essenFolksong/ballad70.abc", 16), ("essenFolksong/ballad80.abc", 21),
    ("essenFolksong/boehme10.abc", 16), ("essenFolksong/boehme20.abc", 16),
    ("essenFolksong/dva0.abc", 2), ("essenFolksong/dva0.abc", 16), ("essenFolksong/erk10.abc", 1),
    ("essenFolksong/erk20.abc", 25), ("essenFolksong/erk30.abc", 3),
    ("essenFolksong/erk5.abc", 5), ("essenFolksong/fink0.abc", 26),
    ("essenFolksong/folkHaydn.abc", 11), ("essenFolksong/irl.abc", 1),
    ("essenFolksong/test0.abc", 1), ("essenFolksong/test1.abc", 14),
    ("essenFolksong/zuccal0.abc", 18), ("oneills1850/0001-0050.abc", 12),
    ("oneills1850/0051-0100.abc", 12), ("oneills1850/0051-0100.abc", 20),
    ("oneills1850/0101-0200.abc", 9), ("oneills1850/0201-0300.abc", 25),
    ("oneills1850/0301-0350.abc", 13), ("oneills1850/0351-0400.abc", 4),
    ("oneills1850/0401-0486.abc", 7), ("oneills1850/0487-0500.abc", 1),
    ("oneills1850/0501-0550.abc", 5), ("oneills1850/0550-0625.abc", 30),
    ("oneills1850/0626-0635.abc", 2), ("oneills1850/0626-0700.abc", 29),
    ("oneills1850/0701-0720.abc", 6), ("oneills1850/0721-0730.abc", 1),
    ("oneills1850/1376-1475.abc", 7), ("oneills1850/1710-1750.abc", 23),
    ("oneills1850/1801-1850.abc", 16),
)  # fmt: skip
METRES = ((2, 4), (3, 4), (4, 4), (6, 8))
BARS = range(4, 17)
STYLE = "chorale"
# By how much a tune that is too high or too low is moved, what comes first first: octaves, then
# seconds, thirds, a fourth and a fifth.
_MOVES = (0, 40, -40, *(way * size for size in (5, 6, 11, 12, 17, 23) for way in (1, -1)))
_MOST_SIGNS = 4
# The scale degrees above the tonic; in minor the sixth and the seventh are low or high.
_SCALES = {"major": {0, 6, 12, 17, 23, 29, 35}, "minor": {0, 6, 11, 17, 23, 28, 29, 34, 35}}


def names() -> list[str]:
    """Return the tunes by names that `tune` knows: "essenFolksong/erk5.abc 5"."""
    return [f"{file} {number}" for file, number in TUNES]


def tune(name: str) -> Score:
    """Return a tune in its key, as high as a soprano sings."""
    file, number = name.rsplit(" ", 1)
    score = with_key(read.read_corpus(file, tune=int(number)))
    assert not unfit(score), name
    moved = _moved(score)
    assert moved, name
    return moved


def with_key(score: Score) -> Score:
    """Return a score whose stated key is in minor where a minor third is sung, and no major one.

    The Essen collection states the tonic alone and writes all accidentals out.
    """
    if len(score.keys) != 1:
        return score
    key = score.keys[0]
    thirds = {(n.pitch - key.tonic) % 40 for n in score.voices[0].notes} & {11, 12}
    return replace(score, keys=(replace(key, mode="minor"),)) if thirds == {11} else score


def unfit(score: Score) -> str:
    """Return why a tune with its key is none that is set here; "" if it is one.

    It has one voice, one stated key and one of `METRES`, four to sixteen bars, whole ones but for
    the pick-up and the last; it ends on its tonic, has no note foreign to its key, and fits the
    soprano's range, if need be in another octave or key.
    """
    if len(score.voices) != 1 or len(score.keys) != 1:
        return "one voice in one stated key is wanted"
    if {(m.beats, m.unit) for m in score.measures} not in [{metre} for metre in METRES]:
        return "another metre, or a change of metre"
    bars = [m for m in score.measures if m.number]
    if len(bars) not in BARS:
        return f"{len(bars)} bars"
    if any(m.length != m.full for m in bars[:-1]):
        return "a bar that is not whole"
    (key,) = score.keys
    degrees = [(n.pitch - key.tonic) % 40 for n in score.voices[0].notes]
    if degrees[-1]:
        return "its last note is not the tonic"
    if not set(degrees) <= _SCALES[key.mode]:
        return "a note foreign to the key"
    return "" if _moved(score) else "its compass is too wide"


def _moved(score: Score) -> Score | None:
    """Return a tune where it fits the soprano's range, in a key of few signs; None if nowhere."""
    low, high = _range()
    (key,) = score.keys
    (voice,) = score.voices
    for move in _MOVES:
        there = replace(key, tonic=pitches.class_of(key.tonic + move))
        if abs(there.fifths) > _MOST_SIGNS:
            continue
        notes = tuple(replace(n, pitch=n.pitch + move) for n in voice.notes)
        heights = [pitches.midi(n.pitch) for n in notes]
        if low <= min(heights) and max(heights) <= high:
            soprano = replace(voice, name=VOICES[0], clef="treble", notes=notes)
            signature = Signature(there.onset, there.fifths)
            return replace(score, voices=(soprano,), keys=(there,), signatures=(signature,))
    return None


@cache
def _range() -> tuple[int, int]:
    lowest, highest = rulebook.ranges(STYLE)[VOICES[0]]
    return pitches.midi(lowest), pitches.midi(highest)
