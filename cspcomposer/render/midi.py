"""The score as a standard MIDI file, format 1: one track for the metre, one for each voice."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

from cspcomposer import pitch as pitches
from cspcomposer.errors import BadScore
from cspcomposer.score import VOICE_NAMES, Measure, Score, Signature, Voice

if TYPE_CHECKING:
    import mido

TICKS = 480
VELOCITY = 80
CHOIR, PIANO = 52, 0
_SUNG = {name for names in VOICE_NAMES.values() for name in names}
_MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m",
          "D#m", "A#m")  # fmt: skip


def midi(score: Score) -> bytes:
    """Return the bytes of the file, the same for the same score; 480 ticks to a quarter note.

    A player's voices have the sound of the instrument; else voices with a singer's name are given a
    choir, others a piano. A measure shorter than its
    metre, such as a pick-up, has a time signature of its own, so that bars count from bar lines.

    Raises:
        BadScore: a pitch lower or higher than MIDI can say.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    file.tracks.append(_conductor(score))
    for number, voice in enumerate(score.voices):
        channel = number % 15
        program = _program(score, voice)
        file.tracks.append(_track(voice, score.end, channel + (channel >= 9), program))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _conductor(score: Score) -> mido.MidiTrack:
    from mido import MetaMessage, bpm2tempo

    events: list[tuple[int, mido.MetaMessage]] = [
        (0, MetaMessage("track_name", name=_latin(score.title))),
        (0, MetaMessage("set_tempo", tempo=bpm2tempo(float(score.tempo)))),
    ]
    before = (0, 0)
    for measure in score.measures:
        metre = _metre(measure)
        if metre != before:
            beats, unit = before = metre
            message = MetaMessage("time_signature", numerator=beats, denominator=unit)
            events.append((_ticks(measure.onset), message))
    for signature in score.signatures:
        if -7 <= signature.fifths <= 7:
            message = MetaMessage("key_signature", key=_key(score, signature))
            events.append((_ticks(signature.onset), message))
    return _joined(sorted(events, key=lambda event: event[0]), score.end)


def _program(score: Score, voice: Voice) -> int:
    """Return the sound of a voice: its player's, or a singer's by its name."""
    for part in score.parts:
        if any(voice.name in staff for staff in part.staves):
            return part.program
    return CHOIR if voice.name in _SUNG else PIANO


def _track(voice: Voice, end: Fraction, channel: int, program: int) -> mido.MidiTrack:
    from mido import Message, MetaMessage

    events: list[tuple[int, mido.Message | mido.MetaMessage]] = [
        (0, MetaMessage("track_name", name=_latin(voice.label))),
        (0, Message("program_change", channel=channel, program=program)),
    ]
    for note in voice.notes:
        height = pitches.midi(note.pitch)
        if not 0 <= height <= 127:
            raise BadScore(f"{voice.label}: {pitches.name(note.pitch)} lies outside MIDI's range")
        on = Message("note_on", channel=channel, note=height, velocity=VELOCITY)
        off = Message("note_off", channel=channel, note=height, velocity=0)
        events += [(_ticks(note.onset), on), (_ticks(note.end), off)]
    # A note ends before the next one begins, or a repeated pitch would be cut off.
    order = {"note_off": 1, "note_on": 2}
    return _joined(sorted(events, key=lambda e: (e[0], order.get(e[1].type, 0))), end)


def _joined(
    events: list[tuple[int, mido.Message | mido.MetaMessage]], end: Fraction
) -> mido.MidiTrack:
    """Return a track of events at absolute ticks."""
    from mido import MetaMessage, MidiTrack

    track = MidiTrack()
    now = 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=max(0, _ticks(end) - now)))
    return track


def _metre(measure: Measure) -> tuple[int, int]:
    if measure.length == measure.full:
        return measure.beats, measure.unit
    unit = max(measure.unit, 4 * measure.length.denominator)
    beats = measure.length * unit / 4
    exact = beats.denominator == 1 and unit & (unit - 1) == 0
    return (int(beats), unit) if exact else (measure.beats, measure.unit)


def _key(score: Score, signature: Signature) -> str:
    minor = any(
        k.mode == "minor" and k.onset == signature.onset and k.fifths == signature.fifths
        for k in score.keys
    )
    return (_MINOR if minor else _MAJOR)[signature.fifths + 7]


def _ticks(time: Fraction) -> int:
    return round(time * TICKS)


def _latin(text: str) -> str:
    """Return text in the only letters that MIDI's text events agree on."""
    return text.encode("latin-1", "replace").decode("latin-1")
