"""The score: what was composed or read, as plain frozen data. Knows no file format and no theory.

All times are quarter notes from the beginning of the first measure, as exact fractions.
Silence is where no note is. Voices run from the highest to the lowest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer import pitch as pitches
from cspcomposer.metre import Metre

VOICE_NAMES = {
    1: ("soprano",),
    2: ("soprano", "bass"),
    3: ("soprano", "alto", "bass"),
    4: ("soprano", "alto", "tenor", "bass"),
    5: ("soprano", "alto", "tenor", "baritone", "bass"),
    6: ("soprano", "mezzo", "alto", "tenor", "baritone", "bass"),
    7: ("soprano", "mezzo", "alto", "countertenor", "tenor", "baritone", "bass"),
    8: ("soprano", "soprano_2", "alto", "alto_2", "tenor", "tenor_2", "bass", "bass_2"),
}


@dataclass(frozen=True, order=True)
class Note:
    """One sounding event of one voice; ties are already joined.

    Attributes:
        onset: In quarter notes.
        duration: In quarter notes, greater than zero.
        pitch: Base-40 number, see `cspcomposer.pitch`.
        lyrics: One syllable for each verse, "" where a verse has none; a trailing "-" means that
            the word goes on.
        fermata: Whether a fermata stands on it.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    lyrics: tuple[str, ...] = ()
    fermata: bool = False

    @property
    def end(self) -> Fraction:
        """Where it stops sounding."""
        return self.onset + self.duration


@dataclass(frozen=True)
class Voice:
    """One line of music.

    Attributes:
        name: The solver's name: lower case, letters, digits and underscores ("soprano").
        label: What a reader sees ("Soprano", "Violin I").
        clef: "treble", "treble8" (sounds an octave lower), "alto", "tenor" or "bass".
        notes: In the order of time, never overlapping.
    """

    name: str
    label: str
    clef: str
    notes: tuple[Note, ...]


def clef_for(middle: Fraction | float) -> str:
    """Return the clef for a line around a height in semitones (middle C is 60)."""
    if middle >= 60:
        return "treble"
    return "treble8" if middle >= 56 else "bass"


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        number: As printed; a pick-up measure has number 0.
        onset: In quarter notes.
        length: Its real length in quarter notes (a pick-up is shorter than its metre).
        beats: Numerator of the metre.
        unit: Denominator of the metre.
    """

    number: int
    onset: Fraction
    length: Fraction
    beats: int
    unit: int

    @property
    def full(self) -> Fraction:
        """The length that the metre asks for, in quarter notes."""
        return Fraction(4 * self.beats, self.unit)


@dataclass(frozen=True)
class Signature:
    """A key signature from a time on: sharps (positive) or flats (negative)."""

    onset: Fraction
    fifths: int


@dataclass(frozen=True)
class Key:
    """The key in force from a time on: tonic as a pitch class (1 to 40), "major" or "minor"."""

    onset: Fraction
    tonic: int
    mode: str

    def __str__(self) -> str:
        return f"{pitches.class_name(self.tonic)} {self.mode}"

    @property
    def fifths(self) -> int:
        """The sharps of its signature; flats are negative."""
        return pitches.fifths(self.tonic) - (3 if self.mode == "minor" else 0)


@dataclass(frozen=True)
class Chord:
    """A harmony from a time on, as a numeral in the key in force, without figures ("V7/V").

    Attributes:
        inversion: 0 root position, 1 third in the bass, 2 fifth, 3 seventh.
        figured: The numeral with its figures, as printed under the bass ("V6/5/V").
    """

    onset: Fraction
    numeral: str
    inversion: int
    figured: str


@dataclass(frozen=True)
class Symbol:
    """The name of a chord as players read it, from a time on.

    Attributes:
        onset: In quarter notes.
        root: As a pitch class (1 to 40).
        quality: As the rules call it: "major", "dominant_seventh"...
        bass: The pitch class in the bass, where it is not the root; 0 if it is.
    """

    onset: Fraction
    root: int
    quality: str
    bass: int = 0


@dataclass(frozen=True)
class Part:
    """What one player reads.

    Attributes:
        label: What stands before it.
        program: Its sound in General MIDI, from 0.
        staves: From the top: the names of the voices on each.
        clefs: One for each staff.
        written: By how much what is read is higher than what sounds: letters and semitones.
    """

    label: str
    program: int
    staves: tuple[tuple[str, ...], ...]
    clefs: tuple[str, ...]
    written: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Score:
    """A piece.

    Attributes:
        title: May be empty.
        composer: May be empty.
        tempo: Quarter notes in a minute.
        voices: From the highest to the lowest.
        measures: In the order of time, without gaps.
        signatures: Key signatures; at least one, at time 0.
        keys: Keys, where known (given, chosen or estimated); may be empty.
        chords: Harmonies, where known; may be empty.
        phrase_ends: The onset of each phrase's last chord (fermatas in a chorale).
        parts: Who plays what, from the top; none where each voice is a part, as in a choir.
        symbols: Chords named above the uppermost staff; may be empty.
    """

    title: str
    composer: str
    tempo: Fraction
    voices: tuple[Voice, ...]
    measures: tuple[Measure, ...]
    signatures: tuple[Signature, ...]
    keys: tuple[Key, ...] = ()
    chords: tuple[Chord, ...] = ()
    phrase_ends: tuple[Fraction, ...] = ()
    parts: tuple[Part, ...] = ()
    symbols: tuple[Symbol, ...] = ()

    @property
    def end(self) -> Fraction:
        """Where the last measure ends, in quarter notes."""
        return self.measures[-1].onset + self.measures[-1].length

    def voice(self, name: str) -> Voice:
        """Return the voice of that name; KeyError if there is none."""
        for voice in self.voices:
            if voice.name == name:
                return voice
        raise KeyError(name)


def measure_at(score: Score, time: Fraction) -> Measure:
    """Return the measure in which a time falls."""
    index = bisect_right(score.measures, time, key=lambda m: m.onset) - 1
    return score.measures[max(index, 0)]


def pickup(score: Score) -> Fraction:
    """Return how long a score sounds before its first whole bar; 0 where it begins with one."""
    first = score.measures[0]
    return first.length if first.number == 0 else Fraction(0)


def position(score: Score, time: Fraction) -> tuple[int, Fraction]:
    """Return bar number and beat (from 1; 5/2 is half way through the second beat).

    Beats are units of the metre's denominator; a pick-up counts back from the bar's end.
    """
    measure = measure_at(score, time)
    missing = measure.full - measure.length if measure.number == 0 else Fraction(0)
    return measure.number, (time - measure.onset + missing) * Fraction(measure.unit, 4) + 1


def note_at(voice: Voice, time: Fraction) -> Note | None:
    """Return the note of a voice that sounds at a time, or None where it rests."""
    index = bisect_right(voice.notes, time, key=lambda n: n.onset) - 1
    if index >= 0 and time < voice.notes[index].end:
        return voice.notes[index]
    return None


def notes_at(voice: Voice, times: Sequence[Fraction]) -> Iterator[Note | None]:
    """Yield what `note_at` says at each of some times, which are in order."""
    coming = iter(voice.notes)
    note, following = None, next(coming, None)
    for time in times:
        while following and following.onset <= time:
            note, following = following, next(coming, None)
        yield note if note and time < note.end else None


def onsets(score: Score) -> tuple[Fraction, ...]:
    """Return every time at which some voice strikes a note, in order."""
    return tuple(sorted({note.onset for voice in score.voices for note in voice.notes}))


def beats(score: Score) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Yield for each beat where it begins, where its middle or its last third is, where it ends.

    The last third in a compound metre. What a pick-up has before its first whole beat is in none.
    """
    for bar in score.measures:
        pulse = Metre(bar.beats, bar.unit).pulse
        part = Fraction(2, 3) if pulse.numerator == 3 else Fraction(1, 2)
        time = bar.onset + (bar.length % pulse if bar.number == 0 else Fraction(0))
        while time < bar.onset + bar.length:
            yield time, time + pulse * part, time + pulse
            time += pulse


def pulses(score: Score) -> Iterator[Fraction]:
    """Yield where the beats begin; what a pick-up has before its first whole one is in none."""
    return (begin for begin, _, _ in beats(score))
