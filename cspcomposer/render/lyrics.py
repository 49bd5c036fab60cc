"""Words under the notes: syllables, hyphens, and the line that follows a held last syllable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer import pitch as pitches
from cspcomposer.score import Score, Voice


@dataclass(frozen=True)
class Syllable:
    """One syllable of one verse.

    Attributes:
        verse: From 1.
        text: Without hyphens.
        place: "single", "begin", "middle" or "end" of its word.
        held: Whether the last syllable of a word is held over the notes that follow.
    """

    verse: int
    text: str
    place: str
    held: bool


def syllables(voice: Voice) -> dict[Fraction, list[Syllable]]:
    """Return the syllables of a voice by the onset of their notes."""
    out: dict[Fraction, list[Syllable]] = {}
    verses = max((len(note.lyrics) for note in voice.notes), default=0)
    for verse in range(verses):
        within = False
        for i, note in enumerate(voice.notes):
            text = note.lyrics[verse] if verse < len(note.lyrics) else ""
            if not text:
                continue
            goes_on = text.endswith("-") and len(text) > 1
            place = ("middle" if within else "begin") if goes_on else "end" if within else "single"
            after = voice.notes[i + 1] if i + 1 < len(voice.notes) else None
            joined = after is not None and after.onset == note.end
            silent = after is not None and not any(after.lyrics)
            held = not goes_on and joined and silent
            syllable = Syllable(verse + 1, text[:-1] if goes_on else text, place, held)
            out.setdefault(note.onset, []).append(syllable)
            within = goes_on
    return out


def sung_voices(voices: Sequence[Voice], *, once: bool) -> tuple[Voice, ...]:
    """Return the voices whose words are printed.

    Args:
        voices: From the highest to the lowest.
        once: Leave out a voice that sings the very words of a higher one, as two staves do.
    """
    seen: set[tuple[tuple[str, ...], ...]] = set()
    out = []
    for voice in voices:
        verses = range(max((len(note.lyrics) for note in voice.notes), default=0))
        words = tuple(
            tuple(n.lyrics[verse] for n in voice.notes if any(n.lyrics[verse : verse + 1]))
            for verse in verses
        )
        if any(words) and not (once and words in seen):
            out.append(voice)
        seen.add(words)
    return tuple(out)


def numerals(score: Score) -> list[tuple[Fraction, str]]:
    """Return the numerals with their onsets; the first in a key names it: "a: i", "C: V7"."""
    out = []
    before = None
    for chord in score.chords:
        key = next((k for k in reversed(score.keys) if k.onset <= chord.onset), None)
        text = chord.figured
        if key and key != before:
            tonic = pitches.class_name(key.tonic)
            text = f"{tonic.lower() if key.mode == 'minor' else tonic}: {text}"
        before = key
        if text:
            out.append((chord.onset, text))
    return out
