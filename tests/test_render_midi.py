"""MIDI sounds what the score says."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import mido
import pytest
from render_scores import hymn, jig, line, rhythms

from cspcomposer import pitch
from cspcomposer.errors import BadScore
from cspcomposer.render.midi import midi
from cspcomposer.score import Score, Voice


def parsed(score: Score) -> Any:
    return mido.MidiFile(file=io.BytesIO(midi(score)))


def sounding(track: Any) -> list[tuple[int, int, int]]:
    """Each note as start, end and height, in ticks and semitones."""
    now, open_notes, out = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.note not in open_notes
            open_notes[message.note] = now
        elif message.type == "note_off":
            out.append((open_notes.pop(message.note), now, message.note))
    assert not open_notes
    return sorted(out)


def events(score: Score, kind: str) -> list[tuple[int, Any]]:
    now, out = 0, []
    for message in parsed(score).tracks[0]:
        now += message.time
        if message.type == kind:
            out.append((now, message))
    return out


@pytest.mark.parametrize("make", [hymn, jig, rhythms])
def test_every_voice_is_a_track_with_its_notes(make: Any) -> None:
    score = make()
    file = parsed(score)
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 1 + len(score.voices))
    for voice, track in zip(score.voices, file.tracks[1:], strict=True):
        expected = [(n.onset, n.end, pitch.midi(n.pitch)) for n in voice.notes]
        assert sounding(track) == [(round(a * 480), round(b * 480), h) for a, b, h in expected]
        assert track.name == voice.label
        assert sum(message.time for message in track) == score.end * 480


def test_singers_are_a_choir_and_others_a_piano_and_none_is_the_drums() -> None:
    def programs(score: Score) -> list[int]:
        return [m.program for t in parsed(score).tracks for m in t if m.type == "program_change"]

    assert programs(hymn()) == [52] * 4
    assert programs(rhythms()) == [0] * 4
    many = tuple(Voice(f"v{i}", "V", "treble", line("C4:1")) for i in range(18))
    channels = {m.channel for t in parsed(replace(jig(), voices=many)).tracks for m in t
                if m.type == "note_on"}  # fmt: skip
    assert 9 not in channels


def test_bars_count_from_the_bar_line_after_a_pick_up() -> None:
    metres = [(t, m.numerator, m.denominator) for t, m in events(hymn(), "time_signature")]
    assert metres == [(0, 1, 4), (480, 4, 4), (17 * 480, 3, 4)]
    assert [(t, m.numerator, m.denominator) for t, m in events(jig(), "time_signature")] == [
        (0, 1, 8), (240, 6, 8), (7440, 5, 8),
    ]  # fmt: skip


def test_keys_and_tempo_are_told() -> None:
    assert [(t, m.key) for t, m in events(hymn(), "key_signature")] == [(0, "G"), (13 * 480, "C")]
    assert [m.key for _, m in events(rhythms(), "key_signature")] == ["Cm"]
    assert [m.tempo for _, m in events(hymn(), "set_tempo")] == [750_000]


def test_the_same_score_gives_the_same_bytes() -> None:
    assert midi(hymn()) == midi(hymn())


def test_a_title_in_another_script_does_no_harm() -> None:
    assert parsed(replace(hymn(), title="音楽 ♯")).tracks[0].name == "?? ?"


def test_a_pitch_outside_the_range_is_refused() -> None:
    voice = Voice("flute", "Flute", "treble", line("C10:4"))
    with pytest.raises(BadScore, match="C10 lies outside"):
        midi(replace(jig(), voices=(voice,)))
