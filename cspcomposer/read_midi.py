"""MIDI, which knows neither spelling nor note values: both are guessed here.

Times are rounded to sixteenths and triplet eighths by music21; pitches are spelled near the key.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.errors import BadScore, Fault
from cspcomposer.score import Score, Signature

MAX_QUARTERS = 20_000
MAX_NOTES = 200_000


def parse(content: bytes) -> Any:
    """Return the music21 score of a MIDI file.

    Raises:
        BadScore: not MIDI, not counted in quarter notes, or longer than is believable.
    """
    _check(content)
    from music21 import converter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "score.mid")
        path.write_bytes(content)
        reader = converter.Converter()
        reader.parseFileNoPickle(path, format="midi", quantizePost=True)
        return reader.stream


def _check(content: bytes) -> None:
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(content))
        ticks = max((sum(m.time for m in track) for track in file.tracks), default=0)
        notes = sum(m.type == "note_on" for track in file.tracks for m in track)
        drums = any(
            m.type == "note_on" and m.channel == 9 and m.velocity for t in file.tracks for m in t
        )
    except Exception as error:  # mido lets struct, index and key errors through
        raise BadScore(Fault("The MIDI file is damaged: it breaks off or contradicts itself.",
                             hint="Export it again.")) from error  # fmt: skip
    if not 1 <= file.ticks_per_beat < 0x8000:
        raise BadScore(Fault("The MIDI file counts in film frames, not in quarter notes."))
    if ticks / file.ticks_per_beat > MAX_QUARTERS or notes > MAX_NOTES:
        raise BadScore(Fault(f"The piece is longer than {MAX_QUARTERS} quarter notes."))
    if drums:
        raise BadScore(
            Fault(
                "Channel 10 has unpitched percussion, which has no voice.",
                hint="Export the piece without its drums.",
            )
        )


def centre(stream: Any, frame: Score) -> tuple[int, Score]:
    """Return where on the line of fifths the piece lies, and the frame with its key signature.

    A signature of no sharps or flats is what programs write when they know none, so the key is
    then estimated from the notes (music21's Krumhansl-Schmuckler).
    """
    minor = any(k.mode == "minor" for k in frame.keys)
    if any(s.fifths for s in frame.signatures) or minor:
        return frame.signatures[0].fifths + (3 if minor else 2), frame
    key = stream.analyze("key")
    signature = (Signature(Fraction(0), int(key.sharps)),)
    return key.sharps + (3 if key.mode == "minor" else 2), replace(
        frame, signatures=signature, keys=()
    )


def spelled(pitch: Any, *, centre: int) -> int:
    """Return a music21 pitch in the spelling nearest to a place on the line of fifths."""
    return pitches.spelled(int(pitch.midi), centre)
