"""Textures and instruments: what their files say, and what they make of chords.

What a texture is stands in `asp_rules/textures/`, what an instrument is in
`asp_rules/instruments/`; this module reads both and knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

from cspcomposer import facts, notation, rulebook, solver
from cspcomposer.errors import BadRules, Fault
from cspcomposer.facts import Outline
from cspcomposer.pitch import class_of
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Note, note_at
from cspcomposer.solver import Source, Term

_TEXTURE = {
    "texture": 2, "player": 3, "stands": 3, "role": 2, "reach_of": 5, "independent": 0,
    "symbols": 0, "anchored": 2,
}  # fmt: skip
_INSTRUMENT = {"instrument": 5, "written": 3, "plays_from": 5}
Compass = tuple[int, int]


@dataclass(frozen=True)
class Player:
    """A part of a texture.

    Attributes:
        name: The part's.
        instrument: What it is written for, if nobody says otherwise.
        staves: The voices on each of its staves.
    """

    name: str
    instrument: str
    staves: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Texture:
    """What a texture consists of.

    Attributes:
        name: Its name.
        title: As a reader would call it.
        players: From the top.
        roles: What each voice is: "melody", "counter", "fill" or "bass".
        compass: The lowest and the highest pitch of voices.
        anchored: Voices that have the setting's bass where chords enter.
        symbols: Whether chords are named above the staff.
    """

    name: str
    title: str
    players: tuple[Player, ...]
    roles: Mapping[str, str]
    compass: Mapping[str, Compass]
    anchored: frozenset[str]
    symbols: bool

    def voices(self, role: str) -> tuple[str, ...]:
        """Return the voices of a role, from the top."""
        found = [v for p in self.players for staff in p.staves for v in staff]
        return tuple(v for v in found if self.roles.get(v) == role)


@dataclass(frozen=True)
class Instrument:
    """What an instrument is.

    Attributes:
        name: Its name in files.
        label: What stands before its staff.
        program: In General MIDI, from 0.
        clef: Its own, or its upper staff's.
        staves: How many it reads.
        written: How much higher it is read than it sounds: letters, semitones.
        compass: From where to where it sounds well.
    """

    name: str
    label: str
    program: int
    clef: str
    staves: int
    written: tuple[int, int]
    compass: Compass


def textures() -> list[str]:
    """Return the names of the shipped textures."""
    return sorted(p.stem for p in (rulebook.folder() / "textures").glob("*.lp"))


@cache
def texture(name: str) -> Texture:
    """Return a texture.

    Raises:
        BadRules: there is none of this name.
    """
    if name not in textures():
        raise BadRules(
            Fault(f"there is no texture '{name}'.", hint=rulebook.near(name, textures()))
        )
    atoms = _said(_file(name), _TEXTURE)
    players = sorted(
        (int(a.arguments[1]), str(a.arguments[0]), str(a.arguments[2]))
        for a in atoms if a.name == "player"
    )  # fmt: skip
    roles = {str(a.arguments[0]): str(a.arguments[1]) for a in atoms if a.name == "role"}
    places: dict[tuple[str, int], list[str]] = {}
    ranks = {"melody": 0, "counter": 1, "fill": 2, "bass": 3}
    standing = [a for a in atoms if a.name == "stands"]
    for atom in sorted(
        standing, key=lambda a: (ranks[roles[str(a.arguments[0])]], str(a.arguments[0]))
    ):
        voice, player, staff = atom.arguments
        places.setdefault((str(player), int(staff)), []).append(str(voice))
    title = next(str(a.arguments[1]) for a in atoms if a.name == "texture")
    return Texture(
        name,
        title,
        tuple(
            Player(p, i, tuple(tuple(places[k]) for k in sorted(places) if k[0] == p))
            for _, p, i in players
        ),
        roles,
        {str(a.arguments[0]): _compass(a) for a in atoms if a.name == "reach_of"},
        frozenset(str(a.arguments[0]) for a in atoms if a.name == "anchored"),
        any(a.name == "symbols" for a in atoms),
    )


@cache
def instruments() -> dict[str, Instrument]:
    """Return all instruments by name."""
    atoms = _said(rulebook.folder() / "instruments" / "orchestra.lp", _INSTRUMENT)
    written = {
        str(a.arguments[0]): (int(a.arguments[1]), int(a.arguments[2]))
        for a in atoms if a.name == "written"
    }  # fmt: skip
    compass = {str(a.arguments[0]): _compass(a) for a in atoms if a.name == "plays_from"}
    out = {}
    for atom in atoms:
        if atom.name == "instrument":
            name, label, program, clef, staves = atom.arguments
            key = str(name)
            out[key] = Instrument(
                key, str(label), int(program), str(clef), int(staves),
                written.get(key, (0, 0)), compass[key],
            )  # fmt: skip
    return out


def instrument(name: str) -> Instrument:
    """Return an instrument.

    Raises:
        BadRules: there is none of this name.
    """
    known = instruments()
    if name not in known:
        hint = rulebook.near(name, sorted(known))
        raise BadRules(Fault(f"there is no instrument '{name}'.", hint=hint))
    return known[name]


def assigned(player: Player, said: Mapping[str, str]) -> str:
    """Return the instrument of a part; where it has one voice, that voice's name says so too.

    Args:
        player: The part.
        said: By part or voice, the instrument that is wished for.
    """
    voices = [name for staff in player.staves for name in staff]
    alone = said.get(voices[0]) if len(voices) == 1 else None
    return said.get(player.name) or alone or player.instrument


def compass(form: Texture, voice: str, said: Mapping[str, str]) -> Compass:
    """Return from where to where a voice goes: its texture's word, or its instrument's.

    Args:
        form: The texture.
        voice: One of its voices.
        said: By part or voice, the instrument that is wished for.
    """
    if voice in said:
        return instrument(said[voice]).compass
    if voice in form.compass:
        return form.compass[voice]
    player = next(p for p in form.players if any(voice in staff for staff in p.staves))
    return instrument(assigned(player, said)).compass


def source(name: str) -> Source:
    """Return the text of a texture's file."""
    path = _file(name)
    return Source(str(path), rulebook.base_part(path))


def played(
    name: str, outline: Outline, chosen: Mapping[str, Mapping[Fraction, int]], style: str
) -> dict[str, tuple[Note, ...]]:
    """Return what the voices of a texture play.

    Args:
        name: The texture's.
        outline: The setting: its slots, its chords.
        chosen: The note of each accompanying voice at each slot.
        style: The style's name.
    """
    # Beats are cut in twelve parts, so that every texture finds its own.
    unit = min(Fraction(4, m.unit) for m in outline.score.measures)
    fine = bare(outline, unit / 12)
    ticking = facts.clock(fine)
    said = [
        f"chosen({voice},{ticking.ticks(slot)},{pitch})."
        for voice, pitches in chosen.items()
        for slot, pitch in pitches.items()
    ]
    said += [
        f"own_compass({voice},{low},{high})."
        for voice, (low, high) in texture(name).compass.items()
    ]
    given = facts.facts(fine)
    atoms, _ = solver.consequences(
        [*_program(name, style), Source("given", given), Source("chosen", "\n".join(said))],
        show={"plays": 4},
    )
    out: dict[str, list[Note]] = {}
    for atom in atoms:
        voice, time, length, pitch = atom.arguments
        out.setdefault(str(voice), []).append(
            Note(ticking.time(time), ticking.time(length), int(pitch))
        )
    return {voice: tuple(sorted(notes)) for voice, notes in out.items()}


def named(outline: Outline, style: str) -> list[tuple[Fraction, int, str, int]]:
    """Return slot, root, quality and bass of each chord; the bass is 0 where it is the root."""
    ticking, wanted = facts.clock(outline), {"named": 3}
    texts = [Source(str(p), rulebook.base_part(p)) for p in rulebook.theory()]
    own = rulebook.style_file(style)
    kept = sliced([*texts, Source(str(own), rulebook.base_part(own))], list(wanted.items()))
    laid = bare(outline, Fraction(1, ticking.quarter))
    atoms, _ = solver.consequences([*kept, Source("given", facts.facts(laid))], show=wanted)
    lowest = outline.score.voices[-1]
    out = []
    for slot, root, quality in sorted((a.arguments for a in atoms), key=lambda a: int(a[0])):
        time = ticking.time(slot)
        sounding = note_at(lowest, time)
        bass = class_of(sounding.pitch) if sounding else root
        out.append((time, int(root), str(quality), 0 if bass == root else bass))
    return out


def bare(outline: Outline, part: Fraction) -> Outline:
    """Return a bare outline whose clock knows parts of a beat."""
    last = outline.score.end - part
    score = replace(outline.score, voices=tuple(replace(v, notes=()) for v in outline.score.voices))
    return replace(
        outline, score=score, free={}, numerals=(), figures=(), cadences=(), compass={},
        further=(last,),
    )  # fmt: skip


@lru_cache(maxsize=8)
def _program(name: str, style: str) -> tuple[Source, ...]:
    paths = [*rulebook.theory(), rulebook.style_file(style)]
    texts = [Source(str(p), rulebook.base_part(p)) for p in paths]
    return tuple(sliced([*texts, source(name)], [("plays", 4)]))


def _file(name: str) -> Path:
    return rulebook.folder() / "textures" / f"{name}.lp"


def _said(path: Path, wanted: Mapping[str, int]) -> Sequence[Term]:
    vocabulary = rulebook.folder() / "vocabulary.lp"
    texts = [Source(str(p), rulebook.base_part(p)) for p in (vocabulary, path)]
    atoms, _ = solver.consequences(texts, show=wanted)
    return atoms


def _compass(atom: Term) -> Compass:
    _, low, bottom, high, top = atom.arguments
    return (
        notation.pitch(str(low)) + 40 * (int(bottom) - 3),
        notation.pitch(str(high)) + 40 * (int(top) - 3),
    )
