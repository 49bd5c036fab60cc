"""The frame of a score that is being read: its bars, metres, key signatures and tempo.

Knows music21's streams, and nothing of notes but where they end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.score import Key, Measure, Score, Signature

DEFAULT_TEMPO = Fraction(96)
_FILE_NAME = re.compile(r"\.(mxl|xml|musicxml|krn|mid|abc|mus)$", re.IGNORECASE)


def exact(value: Any) -> Fraction:
    """Return one of music21's offsets or lengths as a fraction."""
    return Fraction(value).limit_denominator(20160)


def bars_of(part: Any) -> list[Any]:
    """Return the music21 measures of a part; a part without bar lines is given some."""
    bars = list(part.getElementsByClass("Measure"))
    if not bars and part.recurse().notes.first() is not None:
        bars = list(part.makeMeasures().getElementsByClass("Measure"))
    return bars


def frame(stream: Any, parts: Sequence[list[Any]]) -> tuple[Score, list[list[Fraction]]]:
    """Return a score without voices, and where each bar of each part begins.

    Args:
        stream: The music21 score.
        parts: The bars of each part, as `bars_of` returns them.
    """
    longest = max(parts, key=len)
    raw: list[Measure] = []
    beats, unit, onset = 4, 4, Fraction(0)
    for index, bar in enumerate(longest):
        together = [bars[index] for bars in parts if len(bars) == len(longest)]
        beats, unit = _metre(together, beats, unit)
        length = max(exact(b.highestTime) for b in together) or Fraction(4 * beats, unit)
        raw.append(Measure(bar.measureNumber or 0, onset, length, beats, unit))
        onset += length
    starts = [m.onset for m in raw]
    placed = [
        starts if len(bars) == len(longest) else [exact(b.offset) for b in bars] for bars in parts
    ]
    signatures, keys = _keys(parts, placed)
    words = stream.metadata
    heads = [bars[0].recurse().notesAndRests.first() for bars in parts]
    late = all(head is None or head.isRest for head in heads)
    empty = Score(
        title=_words(words and (words.title or words.movementName)),
        composer=_words(words and words.composer),
        tempo=_tempo(stream),
        voices=(),
        measures=tuple(_numbered(_joined(raw), late=late)),
        signatures=signatures,
        keys=keys,
    )
    return empty, placed


def _metre(bars: Sequence[Any], beats: int, unit: int) -> tuple[int, int]:
    for bar in bars:
        for sign in bar.getElementsByClass("TimeSignature"):
            if sign.offset == 0 and sign.numerator and sign.denominator:
                return int(sign.numerator), int(sign.denominator)
    return beats, unit


def _joined(measures: Sequence[Measure]) -> list[Measure]:
    """Join the two halves of a bar that a repeat or a double bar line has cut."""
    out: list[Measure] = []
    for measure in measures:
        last = out[-1] if len(out) > 1 else None  # the first bar may be a pick-up
        if (
            last
            and (last.beats, last.unit) == (measure.beats, measure.unit)
            and last.length < last.full
            and last.length + measure.length == last.full
        ):
            out[-1] = replace(last, length=last.full)
        else:
            out.append(measure)
    return out


def _numbered(measures: list[Measure], *, late: bool) -> list[Measure]:
    """Return the measures with rising numbers, a pick-up being 0.

    Args:
        measures: Numbered as in the file.
        late: Whether every part begins with a rest: a pick-up may be written as a whole bar.
    """
    numbers = [m.number for m in measures]
    first = measures[0]
    pickup = len(measures) > 1 and first.length < first.full
    if pickup and numbers[0] != 0:
        numbers = [n - numbers[0] for n in numbers]
    if not pickup and numbers[0] == 0 and not late:  # ABC counts from 0, pick-up or not
        numbers = [n + 1 for n in numbers]
    if numbers[0] < 0 or any(a >= b for a, b in pairwise(numbers)):
        numbers = list(range(0 if pickup else 1, len(measures) + 1))
    return [replace(m, number=n) for m, n in zip(measures, numbers, strict=False)]


def _keys(
    parts: Sequence[list[Any]], placed: Sequence[list[Fraction]]
) -> tuple[tuple[Signature, ...], tuple[Key, ...]]:
    """Return the key signatures, and the keys where the file names them, of the first part."""
    signatures: dict[Fraction, int] = {}
    keys: dict[Fraction, Key] = {}
    for bars, starts in zip(parts, placed, strict=True):
        for onset, sign in _signs(bars, starts):
            named = getattr(sign, "mode", None) in ("major", "minor") and hasattr(sign, "tonic")
            if named:
                keys[onset] = Key(onset, _tonic(sign), sign.mode)
            if not named or onset not in signatures:
                signatures[onset] = int(sign.sharps or 0)
        if signatures:
            break
    signatures.setdefault(Fraction(0), 0)
    return _changes(signatures), tuple(
        k for k, before in zip(_by_time(keys), [None, *_by_time(keys)], strict=False)
        if before is None or (k.tonic, k.mode) != (before.tonic, before.mode)
    )  # fmt: skip


def _signs(bars: list[Any], starts: list[Fraction]) -> Iterator[tuple[Fraction, Any]]:
    for bar, start in zip(bars, starts, strict=True):
        for sign in bar.getElementsByClass("KeySignature"):
            yield start + exact(sign.offset), sign


def _by_time(keys: dict[Fraction, Key]) -> list[Key]:
    return [keys[t] for t in sorted(keys)]


def _changes(signatures: dict[Fraction, int]) -> tuple[Signature, ...]:
    out: list[Signature] = []
    for onset in sorted(signatures):
        if not out or out[-1].fifths != signatures[onset]:
            out.append(Signature(onset, signatures[onset]))
    return tuple(out)


def _tonic(key: Any) -> int:
    return pitches.parse_class(key.tonic.name.replace("-", "b"))


def _tempo(stream: Any) -> Fraction:
    mark = stream.recurse().getElementsByClass("MetronomeMark").first()
    number = mark.getQuarterBPM() if mark is not None else None
    if not number or not 5 <= number <= 1000:
        return DEFAULT_TEMPO
    return Fraction(number).limit_denominator(1000)


def _words(text: Any) -> str:
    line = " ".join(str(text or "").split())
    return "" if _FILE_NAME.search(line) else line
