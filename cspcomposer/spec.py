"""The specification: what a user may ask for, as one model. Reads no file, see `specfile`.

The descriptions of the fields are the documentation that editors show: they go into the JSON
Schema, which is shipped beside this module as ``spec.schema.json``.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cspcomposer import pitch as pitches
from cspcomposer.metre import Metre
from cspcomposer.score import VOICE_NAMES, Key
from cspcomposer.specforms import KeyText, LengthText, MetreText, PercentText, RangeText
from cspcomposer.specmodel import Part
from cspcomposer.specsweep import SweepSpec

MOST_BARS = 500
MOST_ANSWERS = 99
Severity = Literal["hard", "strong", "mild", "hint", "off"]
Cadence = Literal["authentic", "half", "plagal", "deceptive", "any"]
PlannedCadence = Literal["half", "imperfect", "perfect", "plagal", "deceptive", "any"]
Change = Literal[
    "ending", "key", "mode", "melody", "harmony", "rhythm", "ornament", "texture", "density",
    "inversion", "retrograde", "augmentation", "diminution",
]  # fmt: skip
Clef = Literal["treble", "treble8", "alto", "tenor", "bass"]
Output = Literal["musicxml", "midi", "svg", "png", "pdf"]
HarmonicRhythm = Literal["bar", "half", "beat", "half_beat"]
Surface = Literal["none", "some", "rich"]
Contour = Literal["arch", "rise", "fall", "valley", "wave", "flat"]
By = Literal["notes", "harmony", "rhythm"]
PriorModel = Literal["chorale", "tables", "none"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60, strict=True)]
StyleName = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*|.+\.lp)$", max_length=200, strict=True)
]
Line = Annotated[str, StringConstraints(max_length=200, strict=True)]


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else _listed(value)


def _numbers(value: object) -> object:
    found = value if isinstance(value, list | tuple) else (value,)
    return tuple(float(n) if type(n) is int else n for n in found)


def _points(value: object) -> object:
    if isinstance(value, list):
        return tuple(tuple(p) if isinstance(p, list) else p for p in value)
    return value


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _voices(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        if value not in VOICE_NAMES:
            raise ValueError(f"expected 1 to {max(VOICE_NAMES)} voices, or a list of them")
        value = list(VOICE_NAMES[value])
    return tuple(map(_named, value)) if isinstance(value, list | tuple) else value


def _modelled(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _numbered(value: object) -> object:
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


class VoiceSpec(Part):
    """One voice."""

    name: Name
    """The voice's name: small letters, digits and underscores."""
    label: Line | None = None
    """What stands before its staff; the name if left out."""
    range: RangeText | None = None
    """The lowest and the highest pitch (c' g'' or C4 G5); the style's if left out."""
    clef: Clef | None = None
    """The clef; chosen by the voice's range if left out. treble8 sounds an octave lower."""


class PhraseSpec(Part):
    """One phrase."""

    bars: int = Field(ge=1, le=MOST_BARS)
    """How many bars the phrase has, a pick-up not counted."""
    cadence: Cadence = "any"
    """How the phrase ends."""
    key: KeyText | None = None
    """The key in which the phrase ends; that of the phrase before, or of the piece, if left out."""


class SectionSpec(Part):
    """One section of the form, and what it has of another one."""

    bars: int | None = Field(default=None, ge=1, le=MOST_BARS)
    """How many bars; as many as the section that returns in it, or as the form has it."""
    form: Name | None = None
    """How it is made: period, sentence, phrase, small_binary and the like; chosen if left out."""
    key: KeyText | None = None
    """The key in which it stands; chosen by the form if left out."""
    cadence: PlannedCadence | None = None
    """How it closes; chosen if left out."""
    closes_in: KeyText | None = None
    """The key in which it closes, where that is another one."""
    like: Line | None = None
    """The earlier section that returns in it. A letter that stands twice returns by itself."""
    changes: Annotated[tuple[Change, ...], BeforeValidator(_several)] = ()
    """What is not as in that section: ending, key, mode, melody (its harmony stays), harmony (its
    melody stays), rhythm, ornament, texture, density; or how its melody is turned: inversion,
    retrograde, and with a texture augmentation, diminution. Nothing: it returns exactly."""
    texture: Name | None = None
    """Its texture, if the piece has several."""
    density: Surface | None = None
    """Its surface, instead of the piece's: none, some or rich."""
    harmonic_rhythm: HarmonicRhythm | None = None
    """How often its harmony may change at most, instead of the piece's."""
    upbeat: LengthText = Fraction(0)
    """How long before the bar line its phrases begin, as a part of a whole note, where the piece
    has a texture and no pick-up."""


class Effort(Part):
    """How long to search: so many conflicts (repeatable) or seconds; whether to prove; threads."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [key]} for key in ("conflicts", "seconds", "prove", "threads")],
            "not": {"required": ["conflicts", "seconds"]},
        }
    )

    conflicts: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """A limit on the solver's conflicts: the same on every machine."""
    seconds: float | None = Field(default=None, gt=0, le=86400)
    """A limit in seconds for the whole run, about: a slower machine may find less. A piece of which
    nothing has been found yet gets a few seconds more."""
    prove: bool = False
    """Whether to find the best piece there is, and to prove it, or to tell how near it is: from
    tables that are compiled, once for each key, from the rules."""

    threads: int = Field(default=1, ge=1, le=64)
    """How many searches run side by side, each learning from the others, one to a core. With more
    than one a seed does not give the same piece every time."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.conflicts is not None and self.seconds is not None:
            raise ValueError("expected either conflicts or seconds, and not both")
        if not self.model_fields_set:
            raise ValueError("expected conflicts, seconds, prove or threads")
        return self


class PriorSpec(Part):
    """What prefers one answer to another; it never breaks a rule."""

    model: PriorModel = "chorale"
    """chorale: a small network taught by Bach's chorales; tables: habits counted in them; none."""
    weight: float = Field(default=1.0, ge=0, le=10)
    """How much it counts beside the mild rules: 1 as much as it knows."""
    temperature: float = Field(default=0.3, ge=0, le=5)
    """How far chance may stray from what it likes best: 0 not at all, 1 as often as Bach would."""


class AnswersSpec(Part):
    """Several answers, which differ from each other and are each as good as asked."""

    count: int = Field(default=1, ge=1, le=MOST_ANSWERS)
    """How many."""
    distance: int | None = Field(default=None, ge=1, le=100_000)
    """In how many places any two differ at least. If left out: in a quarter of the notes or chords
    that are free, in a sixteenth of the attacks that could be."""
    by: By = "notes"
    """What differs. notes: what the voices sing where the harmony may change; harmony: the chords
    there; rhythm: which notes are struck between, while chords and main notes stay."""
    within: PercentText = Field(default=Fraction(1, 20), json_schema_extra={"default": "5%"})
    """How much dearer than the best an answer may be; none breaks more strong rules than that."""


class RhythmSpec(Part):
    """How an invented melody moves, where the piece has a texture."""

    density: Annotated[
        tuple[float, ...],
        BeforeValidator(
            _numbers,
            json_schema_input_type=float
            | Annotated[list[float], Field(min_length=1, max_length=100)],
        ),
    ] = ()
    """How many notes there are to a beat, about: a number from 0.25 to 6, or several, which are
    spread over the piece as a curve. What the style says if left out."""
    figures: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = ()
    """What may fill a beat: plain, held, eighths, dotted, offbeat, sixteenths, eighth_sixteenths,
    sixteenths_eighth, snap, triplet, swing, late_swing, rest; in compound metres plain, held,
    trochee, iamb, tripping, siciliano, upbeat, rest. With tied, tied_eighth or tied_swing a bar may
    begin with a note of the bar before, held over the bar line. What the style says if left out."""
    syncopation: int = Field(default=0, ge=0, le=8)
    """How many beats of a bar at most are struck late."""

    @field_validator("density")
    @classmethod
    def _density_can_be(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0.25 <= number <= 6 for number in value):
            raise ValueError("expected numbers of notes from 0.25 to 6")
        return value


class FileSource(Part):
    """A given line that stands in a file of its own."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    """The file; a relative path starts at the folder of the specification."""
    part: int = Field(default=1, ge=1, le=99)
    """Which part of the file, counted from 1 at the top."""
    tune: int | None = Field(default=None, ge=1, le=9999)
    """Which tune of an ABC file that holds several, counted from 1."""


def _kind(value: object) -> str:
    return "file" if isinstance(value, dict | FileSource) else "text"


Given = Annotated[
    Annotated[str, Tag("text"), StringConstraints(max_length=100_000)]
    | Annotated[FileSource, Tag("file")],
    Discriminator(_kind),
]


class Spec(Part):
    """A specification of a piece for CSPComposer."""

    title: Line = ""
    """The title."""
    composer: Line = ""
    """Who is named as the composer, of a given hymn tune for example."""
    style: StyleName = "chorale"
    """The style: which rules hold and how strictly, which chords and ranges there are. A name, or a
    style file of your own (.lp); a relative path starts at the specification's folder."""
    key: KeyText = Key(Fraction(0), pitches.parse_class("C"), "major")
    """The key in which the piece begins and, unless the last phrase says otherwise, ends."""
    metre: MetreText = Metre(4, 4)
    """The metre."""
    pickup: LengthText = Fraction(0)
    """The length of the pick-up (anacrusis) before bar 1, as a part of a whole note. All phrases
    begin so, and the last bar is as much shorter. A section may have an upbeat of its own."""
    tempo: float = Field(default=72, ge=10, le=400)
    """Quarter notes in a minute."""
    voices: Annotated[
        tuple[VoiceSpec, ...],
        BeforeValidator(
            _voices,
            json_schema_input_type=Annotated[
                list[Name | VoiceSpec], Field(min_length=1, max_length=max(VOICE_NAMES))
            ]
            | Annotated[int, Field(ge=1, le=max(VOICE_NAMES))],
        ),
    ] = Field(default=tuple(VoiceSpec(name=n) for n in VOICE_NAMES[4]), min_length=1, max_length=8)
    """The voices from the highest to the lowest: names, or names with range and clef, or a number;
    soprano, alto, tenor and bass if left out."""
    bars: int | None = Field(default=None, ge=1, le=MOST_BARS)
    """How many bars the piece has, the pick-up not counted; or write phrases."""
    phrases: (
        Annotated[
            tuple[PhraseSpec, ...],
            BeforeValidator(_listed),
            Field(min_length=1, max_length=100),
        ]
        | None
    ) = None
    """The phrases in order, instead of bars."""
    form: Annotated[str, StringConstraints(min_length=1, max_length=400, strict=True)] | None = None
    """The form, instead of phrases: a name (sentence, period, small_binary, rounded_binary,
    ternary, aaba, verse_chorus, rondo, variations, minuet_and_trio, sonata, strophic, blues), a
    form file of your own (.lp), or letters, such as A A' B A: a letter returns exactly, one with a
    prime is changed as `sections` says. With bars it is as long as that."""
    sections: dict[Line, SectionSpec] = Field(default={})
    """What is wanted of single sections, by their letters or names."""
    harmonic_rhythm: HarmonicRhythm = "beat"
    """How often the harmony may change at most."""
    surface: Surface = "some"
    """What moves between the beats in voices that are free: passing notes, neighbours, suspensions.
    none: one note to a beat; some: as much as is usual; rich: wherever it goes well."""
    texture: Name | None = None
    """What is made of the chords: a melody is invented over them, with an accompaniment, or other
    lines beside it. alberti, arpeggio, block_chords, choir, invention, lead_sheet, march, quartet,
    shuffle, song, three_voices, two_voices, waltz; if left out all voices sing the chords."""
    instruments: dict[Name, Name] = Field(default={})
    """Who plays what: by the name of a part or a voice of the texture, such as melody, piano or
    violin_1, an instrument."""
    contour: (
        Annotated[
            Contour | Annotated[tuple[tuple[float, float], ...], BeforeValidator(_points)],
            Field(json_schema_extra={"examples": ["arch", [[0, 30], [60, 100], [100, 20]]]}),
        ]
        | None
    ) = None
    """The line that an invented melody draws: arch, rise, fall, valley, wave or flat; or points:
    how far on in the piece, how high in the compass, both in hundredths."""
    rhythm: RhythmSpec = RhythmSpec()
    """How an invented melody moves."""
    given: dict[Name, Given] = Field(default={})
    """What is given. Under a voice's name: its notes as in LilyPond (c'4 d'8 ...; s is a stretch
    that stays free), or a file. Under figures: a figured bass (<6>4 <6 5>8). Under numerals: Roman
    numerals in RomanText (m1 C: I b2 V6). What is not given is free, and so is a line behind its
    last note while another one goes on. Where every given line rests (r) for a whole bar, all
    voices rest; through a shorter rest the others hold their notes."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """The same seed gives the same piece, another seed another."""
    answers: Annotated[
        AnswersSpec,
        BeforeValidator(
            _numbered,
            json_schema_input_type=AnswersSpec | Annotated[int, Field(ge=1, le=MOST_ANSWERS)],
        ),
    ] = AnswersSpec()
    """How many answers, and how far apart: a number, or a count, a distance and the like."""
    effort: Effort | None = None
    """How long to search; a sensible number of conflicts if left out."""
    outputs: Annotated[tuple[Output, ...], BeforeValidator(_listed)] = Field(
        default=("musicxml", "midi", "svg"), min_length=1, max_length=5
    )
    """Which files are written."""
    prior: Annotated[PriorSpec, BeforeValidator(_modelled)] = PriorSpec()
    """What prefers one answer to another: a model's name, or its name, weight and temperature."""
    rules: dict[Name, Severity] = Field(default={})
    """How severe single rules are in this piece, by the rule's name; off switches it off."""
    rule_folders: Annotated[tuple[Line, ...], BeforeValidator(_listed)] = ()
    """Folders with rules of your own; a relative path starts at the specification's folder."""
    sweep: SweepSpec | None = None
    """Many pieces from this one file, for `cspcomposer batch`: which values are tried."""

    @property
    def length(self) -> int | None:
        """How many bars are asked for, the pick-up not counted; None if the given lines say."""
        return sum(p.bars for p in self.phrases) if self.phrases else self.bars

    @field_validator("pickup")
    @classmethod
    def _pickup_fits(cls, value: Fraction, info: ValidationInfo) -> Fraction:
        metre = info.data.get("metre")
        if metre and value >= metre.full:
            raise ValueError(f"expected less than a bar of {metre}")
        return value

    @field_validator("voices")
    @classmethod
    def _names_differ(cls, value: tuple[VoiceSpec, ...]) -> tuple[VoiceSpec, ...]:
        names = [voice.name for voice in value]
        for place, name in enumerate(names):
            if name in names[:place] or name in ("figures", "numerals", "not"):
                why = "is another voice's name" if name in names[:place] else "means something else"
                raise _at((place,), f"the name '{name}' {why}: expected one of its own")
        return value

    @field_validator("phrases")
    @classmethod
    def _phrases_or_bars(
        cls, value: tuple[PhraseSpec, ...] | None, info: ValidationInfo
    ) -> tuple[PhraseSpec, ...] | None:
        if value and info.data.get("bars") is not None:
            raise ValueError("expected either bars or phrases, and not both")
        if value and sum(phrase.bars for phrase in value) > MOST_BARS:
            raise ValueError(f"expected at most {MOST_BARS} bars in all")
        return value

    @field_validator("given")
    @classmethod
    def _given_fits(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "voices" in info.data:
            names = [voice.name for voice in info.data["voices"]]
            for key in value:
                if key not in (*names, "figures", "numerals"):
                    raise _at((key,), "no voice of this name", (*names, "figures", "numerals"))
            if "figures" in value and names[-1] not in value:
                raise _at(("figures",), f"figures need the bass they stand under: give {names[-1]}")
        return value

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.length is None and not self.given and self.form is None:
            raise ValueError("how long is the piece? Expected bars, phrases or a given line")
        if self.phrases and self.form is not None:
            raise _at(("phrases",), "a form has its own phrases: expected either form or phrases")
        if self.sections and self.form is None:
            raise _at(("sections",), "there are sections only in a form: say which, with form")
        return self


def _at(place: tuple[str | int, ...], message: str, names: tuple[str, ...] = ()) -> Exception:
    """Return an error that stands deeper than the field; names are what would have been right."""
    return PydanticCustomError(
        "placed", "{message}", {"message": message, "place": place, "names": names}
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a specification."""
    found = _plain(Spec.model_json_schema())
    written = Spec.model_construct().model_dump(mode="json", exclude_none=True)
    for name, part in found["properties"].items():
        if name in written:
            part["default"] = written[name]  # as a file would say it: "C major"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "title": "CSPComposer specification",
    }


def schema_text() -> str:
    """Return the text of ``spec.schema.json``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    """Leave out what a file may not say (null) and what no reader needs (made-up titles)."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    made_up = isinstance(node.get("title"), str)
    node = {
        k: _plain(v) for k, v in node.items() if v is not None and not (k == "title" and made_up)
    }
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del node["anyOf"]
        node = {**options[0], **node}
    return node
