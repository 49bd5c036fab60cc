"""Where the harmony may change, where a voice is free, and where all voices rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from cspcomposer.metre import Metre
from cspcomposer.score import Measure, Note, Score, Voice, note_at
from cspcomposer.spec import HarmonicRhythm

Span = tuple[Fraction, Fraction]


def slots(
    score: Score,
    rhythm: Callable[[Measure], HarmonicRhythm],
    silences: Mapping[str, list[Span]],
    starts: tuple[Fraction, ...],
) -> tuple[Fraction, ...]:
    """Return where the harmony may change: on beats, where phrases begin, and where they arrive."""
    times = {*starts, *score.phrase_ends, *loose(score, silences)}
    for bar in score.measures:
        times.update(_pulses(bar, rhythm(bar)))
    first = min((v.notes[0].onset for v in score.voices if v.notes), default=Fraction(0))
    times.add(first)
    melody = next((v.notes for v in score.voices if v.notes), ())
    for arrival in score.phrase_ends:
        # The last note of a phrase is prepared, and the next begins, where the melody says.
        times.update(n.onset for n in melody if n.end == arrival)
        times.update([n.onset for n in melody if n.onset > arrival][:1])
    rest = [time for time in times if not _resting(score, silences, time) and time < score.end]
    held = _held(score, starts)
    return tuple(sorted(t for t in rest if not any(a < t < b for a, b in held)))


def loose(score: Score, silences: Mapping[str, list[Span]]) -> set[Fraction]:
    """Return the beats from which a given line is free again, having stopped without a rest."""
    beats = sorted(t for bar in score.measures for t in _pulses(bar, "beat"))
    out = set()
    for voice in score.voices:
        silent = silences.get(voice.name, ())
        for stop in {note.end for note in voice.notes} - {note.onset for note in voice.notes}:
            beat = next((t for t in beats if t >= stop), score.end)
            if not note_at(voice, beat) and not _within(silent, beat):
                out.add(beat)
    return {time for time in out if time < score.end}


def free(voice: Voice, slots: Iterable[Fraction], silent: Iterable[Span]) -> Iterator[Fraction]:
    """Yield the slots at which a voice's note is to be chosen."""
    spans = list(silent)
    for slot in slots:
        if not note_at(voice, slot) and not _within(spans, slot):
            yield slot


def gaps(notes: tuple[Note, ...], end: Fraction) -> list[Span]:
    """Return where a line is silent between time 0 and an end."""
    edges = [Fraction(0), *(t for note in notes for t in (note.onset, note.end)), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def tacet(
    score: Score, silences: Mapping[str, list[Span]], slots: Iterable[Fraction]
) -> tuple[Span, ...]:
    """Return the stretches in which all voices rest.

    Where every given line rests for a whole bar, and no chord is asked for, the others rest too;
    through a shorter rest they hold what they sing.
    """
    given = [voice for voice in score.voices if voice.notes]
    shared: list[Span] = [(Fraction(0), score.end)] if given else []
    for voice in given:
        silent = list(_joined(silences.get(voice.name, ())))
        both = [(max(a, c), min(b, d)) for a, b in shared for c, d in silent]
        shared = [(a, b) for a, b in both if a < b]
    times = list(slots)
    return tuple(
        span
        for span in shared
        if any(span[0] <= m.onset and m.onset + m.length <= span[1] for m in score.measures)
        and not any(span[0] <= time < span[1] for time in times)
    )


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans in order, those that touch as one."""
    last: Span | None = None
    for begin, end in sorted(spans):
        if last and begin <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last:
            yield last
        last = (begin, end)
    if last:
        yield last


def _within(spans: Iterable[Span], time: Fraction) -> bool:
    return any(a <= time < b for a, b in spans)


def _pulses(bar: Measure, rhythm: HarmonicRhythm) -> list[Fraction]:
    pulse = Metre(bar.beats, bar.unit).pulse
    length = {"bar": bar.full, "half": bar.full / 2, "beat": pulse, "half_beat": pulse / 2}[rhythm]
    if rhythm == "half" and (bar.full / pulse) % 2:
        length = pulse
    if rhythm == "half_beat" and bar.beats % 3 == 0 and bar.beats > 3:
        length = pulse / 3
    begin = bar.onset - (bar.full - bar.length if bar.number == 0 else 0)
    count = int(bar.full / length)
    times = [begin + i * length for i in range(count)]
    return [t for t in times if bar.onset <= t < bar.onset + bar.length]


def _resting(score: Score, silences: Mapping[str, list[Span]], time: Fraction) -> bool:
    """Return whether every voice that is given anything is silent at a time."""
    given = [v for v in score.voices if v.notes]
    return bool(given) and all(_within(silences.get(v.name, ()), time) for v in given)


def _held(score: Score, starts: tuple[Fraction, ...]) -> list[tuple[Fraction, Fraction]]:
    """Return the stretches in which a phrase has arrived and no new one has begun."""
    sung = next((v for v in score.voices if v.notes), None)
    out = []
    for arrival in score.phrase_ends:
        note = note_at(sung, arrival) if sung else None
        later = [s for s in starts if s > arrival]
        out.append((arrival, note.end if note else later[0] if later else score.end))
    return out
