"""The score as signs on paper: note values, dots, ties, tuplets, beams and rests, voice by voice.

Knows how music is written down in general, and no file format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from cspcomposer.errors import BadScore
from cspcomposer.render.metre import Span, grid_cuts, note_cuts, pulses, rest_spans, value
from cspcomposer.render.tuplets import SMALLEST, Tuplet, find_tuplets
from cspcomposer.score import Measure, Note, Voice

BEAMS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5, "256th": 6}


@dataclass(frozen=True)
class Sign:
    """One note head or one rest.

    Attributes:
        onset: In quarter notes from the beginning of the piece.
        duration: In quarter notes, as it sounds.
        kind: "quarter", "eighth"...; "measure" for a rest that fills its measure.
        dots: How many.
        note: The note it shows all or part of; None for a rest.
        index: The note's place in its voice; -1 for a rest.
        part: 0 where the note begins, 1, 2... for what is tied to it.
        tied_on: Whether a tie leads to the next sign.
        tuplet: The tuplet it belongs to.
        opens: Whether the tuplet's bracket begins here.
        closes: Whether it ends here.
        bracket: Whether that bracket is drawn; a beam over the whole tuplet does without.
        beams: For each beam, "begin", "continue", "end", "forward hook" or "backward hook".
    """

    onset: Fraction
    duration: Fraction
    kind: str
    dots: int = 0
    note: Note | None = None
    index: int = -1
    part: int = 0
    tied_on: bool = False
    tuplet: Tuplet | None = None
    opens: bool = False
    closes: bool = False
    bracket: bool = True
    beams: tuple[str, ...] = ()


def signs_of(voice: Voice, measures: tuple[Measure, ...]) -> list[list[Sign]]:
    """Return the signs of a voice, measure by measure.

    Raises:
        BadScore: a duration that notation cannot write.
    """
    parts: dict[int, int] = {}
    place = 0
    out = []
    for measure in measures:
        end = measure.onset + measure.length
        while place < len(voice.notes) and voice.notes[place].end <= measure.onset:
            place += 1
        inside = []
        for index in range(place, len(voice.notes)):
            if voice.notes[index].onset >= end:
                break
            inside.append((index, voice.notes[index]))
        out.append(_measure(inside, measure, parts))
    return out


def _measure(inside: list[tuple[int, Note]], measure: Measure, parts: dict[int, int]) -> list[Sign]:
    if not inside and measure.length == measure.full:
        return [Sign(measure.onset, measure.length, "measure")]
    lead = measure.full - measure.length if measure.number == 0 else Fraction(0)
    origin = measure.onset - lead
    begin, end = lead, lead + measure.length

    spans: list[tuple[Span, int, Note | None]] = []
    now = begin
    for index, note in inside:
        low, high = max(note.onset - origin, begin), min(note.end - origin, end)
        if low > now:
            spans.append(((now, low), -1, None))
        spans.append(((low, high), index, note))
        now = high
    if now < end:
        spans.append(((now, end), -1, None))

    tuplets = find_tuplets([span for span, _, note in spans if note], measure)
    signs: list[Sign] = []
    for span, index, shown in spans:
        for low, high, tuplet in _pieces(span, tuplets):
            for piece in _values(low, high, tuplet, measure, rest=shown is None):
                sign = replace(piece, onset=piece.onset + origin, note=shown, index=index)
                if shown:
                    part = parts.get(index, 0)
                    parts[index] = part + 1
                    tied_on = sign.onset + sign.duration < shown.end
                    sign = replace(sign, part=part, tied_on=tied_on)
                signs.append(sign)
    return _bracketed(_beamed(signs, origin, measure))


def _pieces(span: Span, tuplets: list[Tuplet]) -> list[tuple[Fraction, Fraction, Tuplet | None]]:
    """Cut a span where a tuplet begins or ends."""
    low, high = span
    out: list[tuple[Fraction, Fraction, Tuplet | None]] = []
    for tuplet in tuplets:
        if tuplet.end <= low or tuplet.start >= high:
            continue
        if low < tuplet.start:
            out.append((low, tuplet.start, None))
            low = tuplet.start
        out.append((low, min(high, tuplet.end), tuplet))
        low = min(high, tuplet.end)
    if low < high:
        out.append((low, high, None))
    return out


def _values(
    low: Fraction, high: Fraction, tuplet: Tuplet | None, measure: Measure, *, rest: bool
) -> list[Sign]:
    """Return the note values that fill a span, onsets still as positions."""
    if tuplet:
        start, end = tuplet.written(low), tuplet.written(high)
        edges = [start, *grid_cuts(start, end), end]
    elif ((low / SMALLEST).denominator, (high / SMALLEST).denominator) != (1, 1):
        raise BadScore(
            f"bar {measure.number}: a note value of {high - low} quarter notes cannot be written;"
            " expected no value shorter than a 256th"
        )
    elif rest:
        spans = rest_spans(low, high, measure)
        edges = [low, *(end for _, end in spans)]
    else:
        edges = [low, *note_cuts(low, high, measure), high]
    out = []
    for one, two in pairwise(edges):
        named = value(two - one)
        assert named, f"{two - one} is no note value"
        begin, end = (tuplet.sounding(one), tuplet.sounding(two)) if tuplet else (one, two)
        out.append(Sign(begin, end - begin, *named, tuplet=tuplet))
    return out


def _beamed(signs: list[Sign], origin: Fraction, measure: Measure) -> list[Sign]:
    """Beam what lies within one pulse, or within one tuplet that covers several."""
    edges = pulses(measure)

    def group(sign: Sign) -> Fraction | None:
        if sign.note is None or sign.kind not in BEAMS:
            return None
        position = sign.onset - origin
        pulse = max(edge for edge in edges if edge <= position)
        return min(pulse, sign.tuplet.start) if sign.tuplet else pulse

    out: list[Sign] = []
    run: list[Sign] = []
    for sign in signs:
        if run and group(sign) != group(run[-1]):
            out += _beam(run, origin)
            run = []
        if group(sign) is None:
            out.append(sign)
        else:
            run.append(sign)
    return out + _beam(run, origin)


def _beam(run: list[Sign], origin: Fraction) -> list[Sign]:
    if len(run) < 2:
        return run
    counts = [0, *(BEAMS[sign.kind] for sign in run), 0]
    out = []
    for i, sign in enumerate(run, start=1):
        words = []
        for level in range(1, counts[i] + 1):
            before, after = counts[i - 1] >= level, counts[i + 1] >= level
            if before and after:
                word = "continue"
            elif before or after:
                word = "end" if before else "begin"
            else:
                back = i == len(run) or (i > 1 and (sign.onset - origin) / sign.duration % 2 == 1)
                word = "backward hook" if back else "forward hook"
            words.append(word)
        out.append(replace(sign, beams=tuple(words)))
    return out


def _bracketed(signs: list[Sign]) -> list[Sign]:
    """Set where tuplets open and close, and whether they need a bracket."""
    out: list[Sign] = []
    for i, sign in enumerate(signs):
        if sign.tuplet is None:
            out.append(sign)
            continue
        group = [other for other in signs if other.tuplet == sign.tuplet]
        one_beam = (
            [s.beams[:1] for s in group[:1]] == [("begin",)]
            and group[-1].beams[:1] == ("end",)
            and all(s.beams[:1] == ("continue",) for s in group[1:-1])
        )
        opens = i == 0 or signs[i - 1].tuplet != sign.tuplet
        closes = i + 1 == len(signs) or signs[i + 1].tuplet != sign.tuplet
        out.append(replace(sign, opens=opens, closes=closes, bracket=not one_beam))
    return out
