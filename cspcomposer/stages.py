"""From a specification to an outline: bars, phrases, keys, and where the harmony may change.

Lays out time; which notes and chords are right is the rules' business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import repeat

from cspcomposer import pitch as pitches
from cspcomposer import romantext, rulebook, stages_plan, stages_slots
from cspcomposer.analyse import analysed
from cspcomposer.errors import BadSpec, counted
from cspcomposer.facts import Outline
from cspcomposer.key import parse as parse_key
from cspcomposer.metre import Metre
from cspcomposer.notation import GivenNote
from cspcomposer.plan import Plan
from cspcomposer.romantext import Numeral
from cspcomposer.score import Key, Measure, Note, Score, Signature, Voice, clef_for, note_at
from cspcomposer.spec import HarmonicRhythm, Spec, VoiceSpec
from cspcomposer.specfile import LoadedSpec
from cspcomposer.stages_slots import Span, free, gaps, loose, tacet


def outline(
    loaded: LoadedSpec,
    scores: Mapping[str, Score],
    *,
    rhythm: HarmonicRhythm | None = None,
    plan: Plan | None = None,
) -> Outline:
    """Return what a specification fixes and what it leaves open.

    Args:
        loaded: The specification.
        scores: By voice, a score of one part for each voice that is given as a file.
        rhythm: How often the harmony may change; the specification's word if left out.
        plan: The plan that the piece follows, if it has one.

    Raises:
        BadSpec: given lines that do not fit the bars or each other.
    """
    if plan:
        loaded = replace(loaded, spec=stages_plan.as_phrases(plan, loaded.spec))
    spec = loaded.spec
    given = {name: _notes(line) for name, line in loaded.melodies.items()}
    given |= {name: score.voices[0].notes for name, score in scores.items()}
    silences = {
        name: [(n.onset, n.end) for n in line if n.pitch is None]
        for name, line in loaded.melodies.items()
    }
    silences |= {name: gaps(score.voices[0].notes, score.end) for name, score in scores.items()}
    model = next(iter(scores.values()), None)
    if model:
        _agree(loaded, model)
    bars = model.measures if model else _measures(loaded, given)
    end = bars[-1].onset + bars[-1].length
    _know_end(loaded, given, bars)
    sung = [v.name for v in spec.voices if given.get(v.name)]
    alone = len(sung) == 1
    lead = next((n for n in sung if _reaches(given[n], silences.get(n, []), bars[-1], alone)), "")
    melody, silent = given.get(lead, ()), silences.setdefault(lead, [])
    if melody and spec.length is None:
        # Nothing says that the piece goes on when its line stops within the last bar.
        silent.append((max([melody[-1].end, *(b for _, b in silent)]), end))
    leads = stages_plan.upbeats(plan) if plan else ()
    ends, cadences, starts = _phrases(spec, bars, melody, silent, leads)
    if not spec.phrases and not melody:
        last = _numerals(loaded, bars)[-1][0] if loaded.numerals else ends[-1]
        held = (n.onset for name in sung[:1] for n in given[name] if n.fermata)
        ends = tuple(sorted({*held, last}))
    keys = stages_plan.keys(plan, spec) if plan else _keys(loaded, model, starts, bars)
    voices = tuple(
        Voice(v.name, v.label or v.name.replace("_", " ").capitalize(),
              v.clef or _clef(v, spec.style, given.get(v.name, ())), given.get(v.name, ()))
        for v in spec.voices
    )  # fmt: skip
    score = Score(
        title=spec.title or (model.title if model else ""),
        composer=spec.composer or (model.composer if model else ""),
        tempo=Fraction(spec.tempo).limit_denominator(1000),
        voices=voices,
        measures=bars,
        signatures=_signatures(plan, spec, model, keys),
        keys=keys,
        phrase_ends=ends,
    )
    usual = rhythm or spec.harmonic_rhythm
    slots = stages_slots.slots(
        score, partial(stages_plan.pace, plan, usual) if plan else lambda _: usual, silences, starts
    )
    slots = tuple(_figured(loaded, slots, {*ends, *starts}, given.get(spec.voices[-1].name, ())))
    numerals = _numerals(loaded, bars)
    if numerals:
        # A named chord lasts until the next one is named.
        fixed = {*ends, *starts, *loose(score, silences), *(time for time, _ in numerals)}
        open_slots = (t for t in slots if t < numerals[0][0])
        slots = tuple(sorted({*open_slots, *fixed}))
    return Outline(
        score,
        slots,
        {v.name: frozenset(free(v, slots, silences.get(v.name, ()))) for v in voices},
        tuple(_in_force(numerals, slots)),
        cadences,
        {v.name: v.range for v in spec.voices if v.range},
        tuple((f.onset, f.figures) for f in loaded.figures),
        rests=tacet(score, silences, slots),
        plan=plan,
        echoes=stages_plan.echoes(plan, spec, slots) if plan else (),
    )


def _signatures(
    plan: Plan | None, spec: Spec, model: Score | None, keys: tuple[Key, ...]
) -> tuple[Signature, ...]:
    if plan:
        return stages_plan.signatures(plan, spec)
    return model.signatures if model else (Signature(Fraction(0), keys[0].fifths),)


def _clef(voice: VoiceSpec, style: str, notes: tuple[Note, ...]) -> str:
    """Return the clef in the middle of which a voice's range lies; its notes', if it has none."""
    ends = voice.range or rulebook.ranges(style).get(voice.name)
    heights = [pitches.midi(p) for p in ends or (n.pitch for n in notes)]
    return clef_for((min(heights) + max(heights)) / 2) if heights else "treble"


def _know_end(
    loaded: LoadedSpec, given: Mapping[str, tuple[Note, ...]], bars: tuple[Measure, ...]
) -> None:
    """Refuse what is given behind the last bar; only a line in a file leaves room for that.

    Raises:
        BadSpec: there is such a thing.
    """
    end = bars[-1].onset + bars[-1].length
    faults = []
    for name, notes in given.items():
        if notes and notes[-1].end > end:
            over = counted(notes[-1].end - end, "quarter note")
            message = f"the notes go on for {over} after the last bar, {bars[-1].number}."
            hint = "Ask for more bars, or shorten the line."
            faults.append(loaded.fault(f"given.{name}", message, hint))
    late = [i for i, n in enumerate(loaded.numerals) if n.measure > bars[-1].number]
    late_figures = [i for i, f in enumerate(loaded.figures) if f.onset >= end]
    for key, found in (("numerals", late), ("figures", late_figures)):
        if found:
            size = counted(bars[-1].number, "bar")
            message = f"this lies behind the end of the given file, which has {size}."
            faults.append(loaded.fault(f"given.{key}", message, index=found[0]))
    if faults:
        raise BadSpec(*faults)


def _reaches(
    notes: tuple[Note, ...],
    silent: list[tuple[Fraction, Fraction]],
    bar: Measure,
    alone: bool,
) -> bool:
    """Return whether a line goes to the end of the last bar, so that it says how phrases end.

    A line that is alone need only begin the bar: what it leaves open there it leaves out.
    """
    until = max([notes[-1].end, *(end for _, end in silent)])
    return until > bar.onset if alone else until >= bar.onset + bar.length


def _notes(line: Iterable[GivenNote]) -> tuple[Note, ...]:
    return tuple(
        Note(n.onset, n.duration, n.pitch, (), n.fermata) for n in line if n.pitch is not None
    )


def _agree(loaded: LoadedSpec, model: Score) -> None:
    """Refuse bars, metre and pick-up that are not those of the given file."""
    spec, said = loaded.spec, loaded.spec.model_fields_set
    bars = max(m.number for m in model.measures)
    first = model.measures[0]
    pickup = first.length if first.number == 0 else Fraction(0)
    metre = f"{first.beats}/{first.unit}"
    faults = []
    if spec.length is not None and spec.length != bars:
        asked = f"{counted(spec.length, 'bar')} asked for, and the given file has {bars}."
        faults.append(("phrases" if spec.phrases else "bars", asked))
    if "metre" in said and str(spec.metre) != metre:
        faults.append(("metre", f"the given file is in {metre}."))
    if "pickup" in said and spec.pickup != pickup:
        faults.append(("pickup", f"the given file's pick-up lasts {pickup} quarter notes."))
    if faults:
        hint = "Leave this out: the file says it."
        raise BadSpec(*(loaded.fault(key, message, hint) for key, message in faults))


def _measures(loaded: LoadedSpec, given: Mapping[str, tuple[Note, ...]]) -> tuple[Measure, ...]:
    spec, metre = loaded.spec, loaded.spec.metre
    out = []
    if spec.pickup:
        out.append(Measure(0, Fraction(0), spec.pickup, metre.beats, metre.unit))
    for index in range(loaded.bars or 1):
        onset = spec.pickup + index * metre.full
        out.append(Measure(index + 1, onset, metre.full, metre.beats, metre.unit))
    # A piece that begins with a pick-up ends that much earlier, unless a given line needs the room.
    final, last = out[-1], max((n[-1].end for n in given.values() if n), default=Fraction(0))
    short = final.onset + final.full - spec.pickup
    if spec.pickup and last <= short:
        out[-1] = replace(final, length=final.full - spec.pickup)
    return tuple(out)


def _phrases(
    spec: Spec,
    bars: tuple[Measure, ...],
    melody: tuple[Note, ...],
    silent: list[Span],
    leads: tuple[Fraction, ...] = (),
) -> tuple[tuple[Fraction, ...], tuple[tuple[Fraction, str], ...], tuple[Fraction, ...]]:
    """Return where phrases arrive, the cadences asked for there, and where phrases begin."""
    end = bars[-1].onset + bars[-1].length
    if not spec.phrases:
        held = [n.onset for n in melody if n.fermata]
        last = melody[-1].onset if melody else _arrival(bars[-1], Fraction(0))
        return tuple(sorted({*held, last})), (), (Fraction(0),)
    arrivals: list[Fraction] = []
    starts = [Fraction(0)]
    wanted: list[tuple[Fraction, str]] = []
    number = 0
    for phrase, lead in zip(spec.phrases, leads or repeat(Fraction(0)), strict=False):
        number += phrase.bars
        bar = next(b for b in bars if b.number == number)
        close = bar.onset + bar.full - spec.pickup if bar.onset + bar.full < end else end
        sung = [n.onset for n in melody if n.onset < close]
        late = note_at(Voice("", "", "", melody), close - Fraction(1, 16))
        covered = late is not None or any(a < close <= b for a, b in silent)
        time = (
            sung[-1]
            if sung and covered
            else _arrival(bar, spec.pickup or lead, 2 if spec.texture else 1)
        )
        arrivals.append(time)
        if phrase.cadence != "any":
            wanted.append((time, phrase.cadence))
        starts.append(close)
    return tuple(arrivals), tuple(wanted), tuple(starts[:-1])


def _arrival(bar: Measure, lead: Fraction, most: int = 1) -> Fraction:
    """Return where a phrase comes to rest in its last bar: in the middle if four beats allow it.

    Args:
        bar: The bar.
        lead: How much of it belongs to the next phrase.
        most: How many beats the last note wants; an invented melody has its longest there.
    """
    pulse = Metre(bar.beats, bar.unit).pulse
    beats = bar.full / pulse
    middle = bar.onset + bar.full / 2
    room = bar.onset + bar.full - lead
    return middle if beats == 4 and room - middle >= most * pulse else bar.onset


def _keys(
    loaded: LoadedSpec,
    model: Score | None,
    starts: tuple[Fraction, ...],
    bars: tuple[Measure, ...],
) -> tuple[Key, ...]:
    spec = loaded.spec
    named = [(time, n.key) for time, n in _numerals(loaded, bars) if n.key]
    if named:
        keys = [replace(parse_key(name), onset=time) for time, name in named]
        changes = [k for j, k in enumerate(keys) if not j or str(k) != str(keys[j - 1])]
        return (replace(changes[0], onset=Fraction(0)), *changes[1:])
    if "key" not in spec.model_fields_set and model:
        return model.keys[:1] or analysed(model).keys[:1]
    keys = [spec.key]
    for phrase, start in zip(spec.phrases or (), starts, strict=False):
        if phrase.key and (phrase.key.tonic, phrase.key.mode) != (keys[-1].tonic, keys[-1].mode):
            new = replace(phrase.key, onset=start)
            keys = [new] if start == 0 else [*keys, new]
    return tuple(keys)


def _numerals(loaded: LoadedSpec, bars: tuple[Measure, ...]) -> list[tuple[Fraction, Numeral]]:
    by_number = {bar.number: bar for bar in bars}
    return [
        (romantext.onset(n, by_number[n.measure]), n)
        for n in loaded.numerals
        if n.measure in by_number
    ]


def _in_force(
    numerals: list[tuple[Fraction, Numeral]], slots: tuple[Fraction, ...]
) -> Iterator[tuple[Fraction, str, int]]:
    """Yield for each slot the named chord that lasts then, and its inversion."""
    times = [time for time, _ in numerals]
    for slot in slots:
        place = bisect_right(times, slot) - 1
        if place >= 0:
            yield slot, numerals[place][1].numeral, numerals[place][1].inversion


def _figured(
    loaded: LoadedSpec,
    slots: Iterable[Fraction],
    fixed: set[Fraction],
    bass: tuple[Note, ...],
) -> list[Fraction]:
    """Return the slots that figures leave: a figure lasts as it is written while its bass stays."""
    begun, struck = {f.onset for f in loaded.figures}, {n.onset for n in bass}
    lasting = [(f.onset, f.onset + f.duration) for f in loaded.figures]
    return sorted(
        begun | {t for t in slots if t in fixed | struck or not any(a < t < b for a, b in lasting)}
    )
