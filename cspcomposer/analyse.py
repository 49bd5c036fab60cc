"""Keys and Roman numerals of a score that does not state them: the cheapest reading of the whole.

What is weighed, and how much, is said in `asp_rules/analysis`. Knows no music theory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from operator import itemgetter

from cspcomposer import key as keys
from cspcomposer import pitch as pitches
from cspcomposer.analyse_path import State, cheapest, weighed
from cspcomposer.analyse_tables import tables
from cspcomposer.errors import BadInput, Fault
from cspcomposer.facts import Outline
from cspcomposer.rulebook import near
from cspcomposer.score import Chord, Key, Score, Voice, note_at

_FIGURES = {3: ("", "6", "6/4"), 4: ("7", "6/5", "4/3", "4/2")}


def analysed(
    score: Score, *, key: str | None = None, numerals: Sequence[tuple[Fraction, str, str]] = ()
) -> Score:
    """Return the score with keys and chords; those that it has already are kept.

    Args:
        score: Any score with at least one note.
        key: "G major", "e minor": only numerals of this key are looked for.
        numerals: Chords that are known, from a time on: time, key ("G major"), numeral.

    Raises:
        BadInput: no such key, or a numeral that the key does not have.
    """
    return _stated(score, numerals) if numerals else analysed_all([score], key=key)[0]


def analysed_all(scores: Sequence[Score], *, key: str | None = None) -> list[Score]:
    """Return the scores with keys and chords, as `analysed` does one.

    Raises:
        BadInput: no such key.
    """
    only = parse_key(key) if key else None
    out = list(scores)
    outlines: dict[int, Outline] = {}
    for i, score in enumerate(scores):
        if not any(v.notes for v in score.voices):
            if not (score.chords and score.keys):
                out[i] = replace(score, keys=(only or parse_key("C major"),))
        elif not (score.chords and score.keys):
            bare = replace(score, keys=(Key(Fraction(0), 3, "major"),), chords=())
            outlines[i] = Outline(bare, ())
    weights = weighed(list(outlines.values()))
    for (i, outline), weighing in zip(outlines.items(), weights, strict=True):
        chosen = (only.tonic, only.mode) if only else None
        times, path = cheapest(outline, weighing, tables(), chosen)
        refigured = tables().refigured
        within = {t for t, a in zip(times, weighing.accents, strict=True) if a in refigured}
        out[i] = _written(scores[i], times, path, within)
    return out


def parse_key(text: str) -> Key:
    """Return the key of that name, from the beginning on.

    Raises:
        BadInput: not such a name.

    >>> str(parse_key("f# minor"))
    'F# minor'
    """
    try:
        return keys.parse(text)
    except ValueError as error:
        raise BadInput(Fault(f"'{text}' is no key: {error}.", key="key")) from None


def known_numerals(name: str) -> tuple[str, ...]:
    """Return the chords that the key of a name has."""
    key = parse_key(name)
    return tuple(n for tonic, mode, n in tables().members if (tonic, mode) == (key.tonic, key.mode))


def figured(numeral: str, inversion: int) -> str:
    """Return a numeral with the figures of its inversion.

    >>> figured("V7/V", 1), figured("ii/o7", 1), figured("viio7", 0), figured("I", 2)
    ('V6/5/V', 'iiø6/5', 'viio7', 'I6/4')
    """
    head, of = numeral.replace("/o", "ø"), ""
    if "/" in head:
        head, of = head.split("/", 1)
        of = f"/{of}"
    seventh = head.endswith("7")
    figures = _FIGURES[4 if seventh else 3]
    return head.removesuffix("7") + figures[min(inversion, len(figures) - 1)] + of


def _written(
    score: Score, times: Sequence[Fraction], path: Sequence[State], refigured: Collection[Fraction]
) -> Score:
    """Return the score with the keys and chords of a path."""
    keys: list[Key] = []
    chords: list[Chord] = []
    bass = score.voices[-1]
    struck = {n.onset for n in bass.notes}
    for state, run in groupby(zip(times, path, strict=True), key=itemgetter(1)):
        tonic, mode = tables().keys[state[0]]
        numeral = tables().numerals[mode][state[1]]
        tones = tables().members[tonic, mode, numeral]
        within = [time for time, _ in run]
        if not keys or (keys[-1].tonic, keys[-1].mode) != (tonic, mode):
            keys.append(Key(within[0] if keys else Fraction(0), tonic, mode))
        heard = [(time, _inversion(bass, time, tones)) for time in within]
        # A chord that enters over a foreign bass note is named by the next one that belongs.
        last = next((found for _, found in heard if found is not None), 0)
        chords.append(Chord(within[0], numeral, last, figured(numeral, last)))
        for time, found in heard[1:]:
            anew = time in struck and time in refigured
            if found is not None and found != last and anew:
                chords.append(Chord(time, numeral, found, figured(numeral, found)))
                last = found
    return replace(score, keys=tuple(keys), chords=tuple(chords))


def _inversion(bass: Voice, time: Fraction, tones: dict[int, str]) -> int | None:
    note = note_at(bass, time)
    member = tones.get(pitches.class_of(note.pitch)) if note else None
    return tables().position[member] if member else None


def _stated(score: Score, numerals: Sequence[tuple[Fraction, str, str]]) -> Score:
    keys: list[Key] = []
    chords: list[Chord] = []
    for time, name, numeral in sorted(numerals):
        key = parse_key(name)
        tones = tables().members.get((key.tonic, key.mode, numeral))
        if tones is None:
            hint = near(numeral, known_numerals(name))
            raise BadInput(Fault(f"{key} has no chord {numeral}.", hint=hint))
        if not keys or (keys[-1].tonic, keys[-1].mode) != (key.tonic, key.mode):
            keys.append(replace(key, onset=time if keys else Fraction(0)))
        inversion = _inversion(score.voices[-1], time, tones) or 0
        chords.append(Chord(time, numeral, inversion, figured(numeral, inversion)))
    return replace(score, keys=tuple(keys), chords=tuple(chords))
