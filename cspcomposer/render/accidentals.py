"""Which notes need an accidental sign, and which get one as a courtesy.

An accidental holds to the end of its measure, in its octave, on its staff. Where two voices share
a staff a singer reads one voice only, so a sign is also written where that voice alone needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from cspcomposer import pitch as pitches
from cspcomposer.render.notation import Sign

SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_SHARPS = "FCGDAEB"
Place = tuple[str, int]  # letter and octave: one line or space of a staff


def accidentals(
    staff: Mapping[str, list[list[Sign]]],
    fifths: Iterable[int],
    readers: Mapping[str, str] | None = None,
) -> dict[tuple[str, Fraction], str]:
    """Return the accidentals of one staff, by voice name and onset of the sign.

    Args:
        staff: The signs of each voice on the staff, measure by measure.
        fifths: The key signature of each measure.
        readers: Voices that one player reads, by voice: who that is; each its own if left out.

    Returns:
        MusicXML's names: "sharp", "natural"... Notes without a sign are left out.
    """
    out: dict[tuple[str, Fraction], str] = {}
    last: dict[Place, int] = {}
    for number, key in enumerate(fifths):
        shared: dict[Place, int] = {}
        reader = {name: (readers or {}).get(name, name) for name in staff}
        own: dict[str, dict[Place, int]] = {name: {} for name in reader.values()}
        struck: dict[Place, Fraction] = {}
        events = sorted(
            (sign.onset, order, name, sign)
            for order, (name, measures) in enumerate(staff.items())
            for sign in measures[number]
            if sign.note
        )
        for onset, _, name, sign in events:
            assert sign.note
            letter, alter, octave = pitches.parts(sign.note.pitch)
            place = letter, octave
            if sign.part:
                continue
            plain = _in_key(letter, key)
            needed = {shared.get(place, plain), own[reader[name]].get(place, plain)} != {alter}
            again = struck.get(place) == onset and shared.get(place) == alter
            elsewhere = [a for (other, _), a in reversed(shared.items()) if other == letter]
            courtesy = (place not in shared and last.get(place, alter) != alter) or (
                place not in own[reader[name]] and bool(elsewhere) and elsewhere[0] != alter
            )
            if (needed or courtesy) and not again:
                out[name, onset] = SIGNS[alter]
            shared.pop(place, None)
            shared[place] = own[reader[name]][place] = alter
            struck[place] = onset
        last = {p: a for p, a in shared.items() if a != _in_key(p[0], key)}
    return out


def _in_key(letter: str, fifths: int) -> int:
    """Return how a key signature alters a letter."""
    place = _SHARPS.index(letter)
    if fifths >= 0:
        return (fifths - place + 6) // 7
    return -((-fifths - (6 - place) + 6) // 7)
