"""The plan of a piece: which stretch is what, before there is a single note.

Plain frozen data. All times are quarter notes from the beginning of the first measure, as exact
fractions; every stretch goes from its `begin` up to its `end`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer.score import Key

# In which ways a section may differ from the one that it returns to; none of them: exact.
CHANGES = (
    "ending", "key", "mode", "melody", "harmony", "rhythm", "ornament", "texture", "density",
    "inversion", "retrograde", "augmentation", "diminution",
)  # fmt: skip
# Of these the melody is turned by these, or moved in other note values: its chords are new.
TURNS = ("inversion", "retrograde", "augmentation", "diminution")
# These need a melody with a rhythm of its own.
OTHER_VALUES = frozenset({"augmentation", "diminution"})
# Of these the chords with one note to each know nothing: what sounds on the beat stays the same.
SURFACE_CHANGES = frozenset({"rhythm", "ornament", "texture", "density"})


@dataclass(frozen=True)
class Section:
    """A part of the form, of whatever size: a part of the piece, or a part of such a part.

    Attributes:
        name: The place in the tree, unlike any other's: "2" is the piece's second part, "2.1" the
            first part of that.
        label: As printed: "A'", "trio", "antecedent".
        form: What it is made as: "period", "sentence", "phrase".
        begin: Its first bar line; a pick-up belongs to the first section.
        end: Where it ends.
        like: The name of the earlier section that returns here; "" for a new one.
        changes: In which ways it differs from that one, see `CHANGES`; none of them: exactly alike.
        key: The key in which it stands.
        texture: What the specification says of its texture; "" if nothing.
        density: What the specification says of its surface: "none", "some", "rich"; "" if nothing.
        upbeat: How long before their bar lines its phrases begin, where the piece has no pick-up.
        pace: How often its harmony may change: "bar", "half", "beat", "half_beat"; "" if nothing
            is said.
    """

    name: str
    label: str
    form: str
    begin: Fraction
    end: Fraction
    like: str = ""
    changes: tuple[str, ...] = ()
    key: Key | None = None
    texture: str = ""
    density: str = ""
    upbeat: Fraction = Fraction(0)
    pace: str = ""

    @property
    def depth(self) -> int:
        """How deep it lies in the tree: 1 for the parts of the piece."""
        return self.name.count(".") + 1


@dataclass(frozen=True)
class Phrase:
    """A stretch of music that closes with a cadence.

    Attributes:
        begin: Where it begins.
        end: Where it ends.
        section: The name of the smallest section that it is, or is in.
        role: What it does there: "antecedent", "consequent", "contrast".
        cadence: How it closes: "half", "imperfect", "perfect", "plagal", "deceptive", "any".
        key: The key in which it closes.
        rank: How much closes with it: 1 for itself alone, the most at the end of the piece.
    """

    begin: Fraction
    end: Fraction
    section: str
    role: str
    cadence: str
    key: Key
    rank: int = 1


@dataclass(frozen=True)
class Idea:
    """A stretch of melody that is new, or made from an earlier one.

    Attributes:
        name: Unlike any other's.
        begin: Where it begins.
        end: Where it ends.
        of: The name of the idea that it is made from; "" for a new one.
        how: "new"; "repetition" (same pitches), "ornament" (these, and others between them),
            "rhythmic_variation" (these in another rhythm), "transposition" (same steps elsewhere),
            "sequence" (the same, right after), "inversion" (each step of the staff the other way:
            tonal), "retrograde" (its notes and their lengths backwards), "augmentation",
            "diminution" (note values twice, half as long), "fragment" (only its beginning),
            "rhythm" (its rhythm with other pitches), "contrast", "cadence" (a new close).
    """

    name: str
    begin: Fraction
    end: Fraction
    of: str = ""
    how: str = "new"


@dataclass(frozen=True)
class Modulation:
    """A change of key.

    Attributes:
        time: From when on the new key holds.
        key: It.
        how: "pivot", "applied", "chromatic" or "direct".
    """

    time: Fraction
    key: Key
    how: str


@dataclass(frozen=True)
class Climax:
    """Where the melody is highest, once.

    Attributes:
        begin: Where the bar begins in which it is.
        end: Where that bar ends.
        pitch: The pitch that is reached there and nowhere else, as a base-40 number.
    """

    begin: Fraction
    end: Fraction
    pitch: int


@dataclass(frozen=True)
class Region:
    """A stretch of harmony and what it is made of: a node of the derivation.

    Attributes:
        begin: Where it begins.
        end: Where it ends.
        function: "tonic", "dominant", "subdominant", or "applied" (a dominant of what follows).
        how: By which step of the grammar its parts come about: "prolonged", "prepared", "applied"
            ...; "" for a leaf.
        parts: In order; none for a leaf, where a chord of this function enters.
    """

    begin: Fraction
    end: Fraction
    function: str
    how: str = ""
    parts: tuple[Region, ...] = ()

    def leaves(self) -> Iterator[Region]:
        """Yield the leaves in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class Echo:
    """A moment at which an earlier one comes back.

    Attributes:
        time: It.
        of: The earlier one.
        up: By how much every pitch is higher, as a base-40 interval.
        what: Who comes back: "all", the chord and every voice; "melody", the highest voice;
            "harmony", the chord alone.
        surface: Whether what is struck between comes back too.
    """

    time: Fraction
    of: Fraction
    up: int = 0
    what: str = "all"
    surface: bool = True


@dataclass(frozen=True)
class Plan:
    """A piece before its notes.

    Attributes:
        form: The form's name, or the letters that were asked for ("A A' B A").
        title: The form's title ("Rounded binary form").
        sections: All of them, in order, a section before its own parts.
        phrases: In order; they tile the piece.
        ideas: Motifs, in order.
        modulations: Every change of key, in order.
        climax: Where the melody is highest; None if that is left open.
        harmony: For each phrase the derivation of its harmony.
        hypermetre: For each bar how strong it is among its neighbours: 0, or 1, 2, 3 where a group
            of two, four, eight bars begins.
    """

    form: str
    title: str
    sections: tuple[Section, ...]
    phrases: tuple[Phrase, ...]
    ideas: tuple[Idea, ...] = ()
    modulations: tuple[Modulation, ...] = ()
    climax: Climax | None = None
    harmony: tuple[Region, ...] = ()
    hypermetre: tuple[int, ...] = ()

    def section(self, name: str) -> Section:
        """Return the section of that name; KeyError if there is none."""
        for section in self.sections:
            if section.name == name:
                return section
        raise KeyError(name)

    def sections_at(self, time: Fraction) -> tuple[Section, ...]:
        """Return the sections in which a time lies, the largest first."""
        return tuple(s for s in self.sections if s.begin <= time < s.end)

    def density_at(self, time: Fraction) -> str:
        """Return what is said of the surface at a time; "" if nothing is."""
        said = [s.density for s in self.sections_at(time) if s.density]
        return said[-1] if said else ""

    def upbeat_to(self, time: Fraction) -> Fraction:
        """Return how long before a time the phrase that begins there has its upbeat; 0 if never."""
        if not time or all(phrase.begin != time for phrase in self.phrases):
            return Fraction(0)
        said = [s.upbeat for s in self.sections_at(time) if s.upbeat]
        return said[-1] if said else Fraction(0)

    def pace_at(self, time: Fraction) -> str:
        """Return what is said of how often the harmony may change at a time; "" if nothing is.

        A section that returns goes as the one that it returns, unless it says otherwise.
        """
        for section in reversed(self.sections_at(time)):
            while section.like and not section.pace:
                section = self.section(section.like)
            if section.pace:
                return section.pace
        return ""

    def texture_at(self, time: Fraction) -> str:
        """Return what is said of the texture at a time; "" if nothing is."""
        said = [s.texture for s in self.sections_at(time) if s.texture]
        return said[-1] if said else ""
