"""The staves of players: several voices on one staff as chords, two staves for one player.

Knows how instruments are written down, and no file format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from cspcomposer import pitch as pitches
from cspcomposer.render.notation import Sign, signs_of
from cspcomposer.score import Note, Part, Score, Symbol, Voice

# What a major scale has, in base 40 and in semitones: see `cspcomposer.pitch`.
_LETTERS = (0, 6, 12, 17, 23, 29, 35)
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True)
class Head:
    """A further note head on a stem.

    Attributes:
        voice: The name of the voice that it belongs to.
        index: The note's place in that voice.
        note: It, as it is written.
    """

    voice: str
    index: int
    note: Note


@dataclass(frozen=True)
class Layer:
    """Voices that share their stems.

    Attributes:
        voice: What is written first of each chord, as one voice; it has the layer's name.
        heads: By onset all heads of a chord from the lowest, the first of them in `voice` too.
        voices: The voices, as they are written.
    """

    voice: Voice
    heads: dict[Fraction, tuple[Head, ...]]
    voices: tuple[Voice, ...]


def interval(written: tuple[int, int]) -> int:
    """Return letters and semitones as a base-40 interval.

    >>> interval((1, 2)), interval((4, 7)), interval((-7, -12))
    (6, 23, -40)
    """
    octaves, letter = divmod(written[0], 7)
    return 40 * octaves + _LETTERS[letter] + written[1] - 12 * octaves - _SEMITONES[letter]


def fifths(written: tuple[int, int]) -> int:
    """Return how many sharps the key signature has more.

    >>> fifths((1, 2)), fifths((4, 7)), fifths((7, 12))
    (2, 1, 0)
    """
    return 7 * written[1] - 12 * written[0]


def named(score: Score, number: int) -> tuple[Symbol, ...]:
    """Return the chords that are named above a part, as they are written there.

    They stand above the first part that is written as it sounds; if there is none, above the first,
    for whose player they are other chords.
    """
    shifts = [interval(part.written) % pitches.OCTAVE for part in score.parts]
    if number != (shifts.index(0) if 0 in shifts else 0):
        return ()
    up = shifts[number]
    return tuple(
        replace(
            s, root=pitches.class_of(s.root + up), bass=s.bass and pitches.class_of(s.bass + up)
        )
        for s in score.symbols
    )


def layers(score: Score, part: Part, staff: int) -> tuple[Layer, ...]:
    """Return the layers of one staff of a part: voices that move together share their stems."""
    shift = interval(part.written)
    voices = [_written(score.voice(name), shift) for name in part.staves[staff]]
    groups: list[list[Voice]] = []
    for voice in voices:
        home = next((g for g in groups if all(_together(voice, other) for other in g)), None)
        if home is None:
            groups.append([voice])
        else:
            home.append(voice)
    return tuple(_layer(group) for group in groups)


def head_signs(layer: Layer, signs: Sequence[Sequence[Sign]]) -> dict[str, list[list[Sign]]]:
    """Return the signs of a layer as if each of its heads had a voice to itself."""
    size = max((len(heads) for heads in layer.heads.values()), default=1)
    out = {}
    for place in range(size):
        out[f"{layer.voice.name} {place}"] = [
            [
                replace(sign, note=layer.heads[sign.note.onset][place].note)
                for sign in bar
                if sign.note and place < len(layer.heads[sign.note.onset])
            ]
            for bar in signs
        ]
    return out


def layer_signs(layer: Layer, score: Score) -> list[list[Sign]]:
    """Return the signs of a layer, bar by bar."""
    return signs_of(layer.voice, score.measures)


def _written(voice: Voice, shift: int) -> Voice:
    if not shift:
        return voice
    return replace(voice, notes=tuple(replace(n, pitch=n.pitch + shift) for n in voice.notes))


def _together(one: Voice, other: Voice) -> bool:
    """Return whether two voices never sound together but from the same time to the same time."""
    spans = sorted({(n.onset, n.end) for v in (one, other) for n in v.notes})
    return all(a[1] <= b[0] for a, b in pairwise(spans))


def _layer(voices: Sequence[Voice]) -> Layer:
    heads: dict[Fraction, list[Head]] = {}
    for voice in voices:
        for index, note in enumerate(voice.notes):
            heads.setdefault(note.onset, []).append(Head(voice.name, index, note))
    ordered = {onset: tuple(_unlike(heads[onset])) for onset in sorted(heads)}
    notes = tuple(found[0].note for found in ordered.values())
    return Layer(replace(voices[0], notes=notes), ordered, tuple(voices))


def _unlike(heads: Iterable[Head]) -> Iterator[Head]:
    """Yield heads from the lowest, one for each pitch."""
    seen = set()
    for head in sorted(heads, key=lambda h: h.note.pitch):
        if head.note.pitch not in seen:
            seen.add(head.note.pitch)
            yield head
