"""Who plays the voices of a piece: parts, staves, clefs, the names of the chords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from cspcomposer import pitch as pitches
from cspcomposer import texture
from cspcomposer.arrange_work import Work
from cspcomposer.facts import Outline
from cspcomposer.score import Part, Score, Symbol, Voice
from cspcomposer.texture import Player

# A staff for the left hand is read in the treble clef from about this height on, in semitones.
LOW = 64


def score(work: Work, voices: Mapping[str, Voice]) -> Score:
    """Return the voices of a piece as one score, each with its player."""
    parts = _numbered([_part(work, player, voices) for player in _players(work)])
    order = [name for part in parts for staff in part.staves for name in staff]
    found = [voices[name] for name in order if name in voices]
    return replace(
        work.outline.score,
        voices=tuple(found),
        parts=parts,
        symbols=tuple(_symbols(work.outline, work.spec.style)) if work.texture.symbols else (),
    )


def _numbered(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Number the players of one instrument: Violin I, Violin II."""
    labels = [part.label for part in parts]
    return tuple(
        replace(part, label=f"{part.label} {'I' * (labels[:place].count(part.label) + 1)}")
        if labels.count(part.label) > 1
        else part
        for place, part in enumerate(parts)
    )


def _players(work: Work) -> list[Player]:
    """Return the parts; a melody for which an instrument is named has one of its own."""
    out = []
    for player in _united(work):
        alone = [
            name
            for staff in player.staves
            for name in staff
            if name in work.spec.instruments and len(player.staves) > 1
        ]
        out += [Player(name, work.spec.instruments[name], ((name,),)) for name in alone]
        rest = tuple(tuple(n for n in staff if n not in alone) for staff in player.staves)
        out.append(replace(player, staves=tuple(staff for staff in rest if staff)))
    return out


def _united(work: Work) -> list[Player]:
    """Return the players of all textures, each with all voices that it has in any of them."""
    out: dict[str, Player] = {}
    for name in work.textures():
        for player in texture.texture(name).players:
            known = out.get(player.name, player)
            pairs = zip_longest(known.staves, player.staves, fillvalue=())
            low = set(work.texture.voices("bass"))
            staves = tuple(
                tuple(sorted(dict.fromkeys((*a, *b)), key=lambda v: v in low)) for a, b in pairs
            )
            out[player.name] = replace(known, staves=staves)
    return list(out.values())


def _part(work: Work, player: Player, voices: Mapping[str, Voice]) -> Part:
    kind = texture.instrument(texture.assigned(player, work.spec.instruments))
    clefs = []
    for place, staff in enumerate(player.staves):
        heights = [pitches.midi(n.pitch) for v in staff if v in voices for n in voices[v].notes]
        middle = sum(heights) / max(1, len(heights))
        lower = place or (kind.staves > 1 and len(player.staves) == 1)
        clefs.append(("bass" if middle < LOW else "treble") if lower else kind.clef)
    return Part(kind.label, kind.program, player.staves, tuple(clefs), kind.written)


def _symbols(outline: Outline, style: str) -> list[Symbol]:
    """Return the names of the chords, where they change."""
    out: list[Symbol] = []
    for onset, root, quality, bass in texture.named(outline, style):
        if not out or (root, quality, bass) != (out[-1].root, out[-1].quality, out[-1].bass):
            out.append(Symbol(onset, root, quality, bass))
    return out
