"""Which staff bears what: voices, signs, words, numerals, labels. Knows no file format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cspcomposer.errors import BadInput
from cspcomposer.render.accidentals import accidentals
from cspcomposer.render.lyrics import Syllable, numerals, sung_voices, syllables
from cspcomposer.render.marks import Mark
from cspcomposer.render.notation import Sign, signs_of
from cspcomposer.render.parts import Head, fifths, head_signs, layer_signs, layers, named
from cspcomposer.score import VOICE_NAMES, Part, Score, Symbol, Voice, note_at

Place = tuple[str, Fraction]  # name of a voice, onset


@dataclass(frozen=True)
class Words:
    """Words beside a staff."""

    onset: Fraction
    text: str
    below: bool
    colour: str = ""


@dataclass(frozen=True)
class Staff:
    """One staff.

    Attributes:
        label: What stands before it.
        clef: As in `Voice`.
        voices: One, or two with stems up and down.
        signs: The signs of each voice by its name, measure by measure.
        accidentals: MusicXML's names, by the place of a sign.
        syllables: Those printed, by the place of their notes.
        words_above: Whether the upper voice's words stand above, both voices having their own.
        numerals: By the place of the sign under which they stand.
        row: The row of the numerals under the staff, from 1, counted with the verses.
        colours: By the place of a note, "#RRGGBB".
        beside: In the order of time.
        lowest: Whether it is the last of several.
        keys: The sharps of each measure, as they are written here.
        part: Which part it belongs to, from 0.
        number: Which of its staves it is, from 1; 0 where the part has no other.
        player: That part, if a player reads it and not a singer.
        heads: Further heads of a chord, by the place of its sign.
        symbols: The chords named above it.
    """

    label: str
    clef: str
    voices: tuple[Voice, ...]
    signs: dict[str, list[list[Sign]]]
    accidentals: dict[Place, str]
    syllables: dict[Place, list[Syllable]]
    words_above: bool
    numerals: dict[Place, str]
    row: int
    colours: dict[Place, str]
    beside: tuple[Words, ...]
    lowest: bool
    keys: tuple[int, ...]
    part: int
    number: int = 0
    player: Part | None = None
    heads: dict[Place, tuple[Head, ...]] = field(default_factory=dict)
    symbols: tuple[Symbol, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether two voices share it."""
        return len(self.voices) == 2


def closed(score: Score, layout: str) -> bool:
    """Return whether four voices stand on two staves.

    Args:
        score: What is to be written.
        layout: "closed", "open", or "" for closed where it is possible.

    Raises:
        BadInput: another word, or closed for other voices than soprano, alto, tenor, bass.
    """
    possible = tuple(voice.name for voice in score.voices) == VOICE_NAMES[4]
    if layout not in ("", "open", "closed") or (layout == "closed" and not possible):
        raise BadInput(
            f"the layout '{layout}' is not possible here: expected 'open', or 'closed' for the"
            " voices soprano, alto, tenor, bass"
        )
    return possible and layout != "open"


def staves(score: Score, marks: Sequence[Mark], layout: str) -> tuple[Staff, ...]:
    """Return the staves of a score from the highest to the lowest.

    Raises:
        BadScore: a duration that notation cannot write.
    """
    if score.parts and not layout:
        return tuple(_players(score, marks))
    pair = closed(score, layout)
    groups = [score.voices[:2], score.voices[2:]] if pair else [(v,) for v in score.voices]
    sung = {voice.name for voice in sung_voices(score.voices, once=pair)}
    keys = key_signatures(score)
    out = []
    for number, voices in enumerate(groups):
        signs = {voice.name: signs_of(voice, score.measures) for voice in voices}
        singing = [voice for voice in voices if voice.name in sung]
        lowest = number > 0 and number + 1 == len(groups)
        rows, loose = _numerals(score, signs) if number + 1 == len(groups) else ({}, [])
        labels = [m for m in _labels(marks, score) if m.voice in signs]
        under = lowest and not rows and not singing  # below, numerals and verses come first
        beside = [Words(m.onset, m.label, under, m.colour) for m in labels] + loose
        out.append(
            Staff(
                label="\n".join(voice.label for voice in voices),
                clef=("treble", "bass")[number] if pair else voices[0].clef,
                voices=voices,
                signs=signs,
                accidentals=accidentals(signs, keys),
                syllables={(v.name, t): s for v in singing for t, s in syllables(v).items()},
                words_above=len(singing) == 2,
                numerals=rows,
                row=1 + max((len(n.lyrics) for v in singing for n in v.notes), default=0),
                colours=_colours(voices, marks),
                beside=tuple(sorted(beside, key=lambda words: words.onset)),
                lowest=lowest,
                keys=tuple(keys),
                part=number,
            )
        )
    return tuple(out)


def _players(score: Score, marks: Sequence[Mark]) -> Iterator[Staff]:
    """Yield the staves of players, in order."""
    labels = _labels(marks, score)
    for number, part in enumerate(score.parts):
        keys = tuple(key + fifths(part.written) for key in key_signatures(score))
        for place, names in enumerate(part.staves):
            found = layers(score, part, place)
            signs = {layer.voice.name: layer_signs(layer, score) for layer in found}
            single = {
                name: s for la in found for name, s in head_signs(la, signs[la.voice.name]).items()
            }
            readers = dict.fromkeys(single, "player")
            shown = accidentals(single, keys, readers)
            heads = {
                (layer.voice.name, onset): chord
                for layer in found
                for onset, chord in layer.heads.items()
            }
            sung = sung_voices(tuple(layer.voice for layer in found), once=True)
            yield Staff(
                label=part.label if not place else "",
                clef=part.clefs[place],
                voices=tuple(layer.voice for layer in found),
                signs=signs,
                accidentals=shown,
                syllables={(v.name, t): s for v in sung for t, s in syllables(v).items()},
                words_above=False,
                numerals={},
                row=1,
                colours={
                    place: colour
                    for layer in found
                    for place, colour in _colours(layer.voices, marks).items()
                },
                beside=tuple(
                    Words(m.onset, m.label, False, m.colour) for m in labels if m.voice in names
                ),
                lowest=False,
                keys=keys,
                part=number,
                number=place + 1 if len(part.staves) > 1 else 0,
                player=part,
                heads=heads,
                symbols=named(score, number) if not place else (),
            )


def key_signatures(score: Score) -> list[int]:
    """Return the sharps in force in each measure; what changes within one counts from its start."""
    ends = [measure.onset + measure.length for measure in score.measures]
    return [[s.fifths for s in score.signatures if s.onset < end][-1] for end in ends]


def _numerals(
    score: Score, signs: dict[str, list[list[Sign]]]
) -> tuple[dict[Place, str], list[Words]]:
    """Hang each numeral on the lowest note head at its time; where there is none it is loose."""
    heads = {
        sign.onset: name
        for name, bars in signs.items()
        for bar in bars
        for sign in bar
        if sign.note
    }
    found = numerals(score)
    rows = {(heads[time], time): text for time, text in found if time in heads}
    return rows, [Words(time, text, below=True) for time, text in found if time not in heads]


def _labels(marks: Iterable[Mark], score: Score) -> list[Mark]:
    """Return the marks whose label is set: one for each label and onset, at its highest voice."""
    order = {voice.name: place for place, voice in enumerate(score.voices)}
    first: dict[tuple[Fraction, str], Mark] = {}
    for mark in sorted(marks, key=lambda m: (m.onset, order[m.voice])):
        if mark.label:
            first.setdefault((mark.onset, mark.label), mark)
    return list(first.values())


def _colours(voices: Iterable[Voice], marks: Iterable[Mark]) -> dict[Place, str]:
    out = {}
    for voice in voices:
        for mark in marks:
            note = note_at(voice, mark.onset) if mark.voice == voice.name else None
            if note:
                out[voice.name, note.onset] = mark.colour
    return out
