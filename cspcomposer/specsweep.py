"""What a specification may say of a whole batch: its key ``sweep``. Chooses nothing itself."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from cspcomposer.specmodel import Part

MOST_VALUES = 10_000
MOST_PIECES = 1_000_000
MOST_SEED = 2**31 - 1
Axis = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=200, strict=True),
]
Scalar = bool | int | float | str
Value = Scalar | list[Any] | dict[str, Any]
Values = Annotated[list[Value], Field(min_length=1, max_length=MOST_VALUES)]


def _condition(value: object) -> object:
    """Return what a value may be: one value, or one of several."""
    several = value if isinstance(value, list | tuple) else [value]
    if not several or not all(isinstance(v, bool | int | float | str) for v in several):
        raise ValueError("expected a value or a list of values, such as [C major, G major]")
    return tuple(several)


Pattern = Annotated[
    dict[
        Axis,
        Annotated[
            tuple[Scalar, ...],
            BeforeValidator(
                _condition,
                json_schema_input_type=Scalar | Annotated[list[Scalar], Field(min_length=1)],
            ),
        ],
    ],
    Field(min_length=1),
]


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _grouped(value: object) -> object:
    return (value,) if isinstance(value, dict) else _listed(value)


def _named(value: object) -> object:
    return (value,) if isinstance(value, str) else _listed(value)


def _seeds(value: object) -> object:
    """Return the seeds that ``20`` (1 to 20), ``5-24`` or a list means."""
    expected = "expected how many (20), from which to which (5-24), or a list of numbers"
    if isinstance(value, bool) or not isinstance(value, int | str | list | tuple):
        raise ValueError(expected)
    if isinstance(value, list | tuple):
        if len(set(map(str, value))) < len(value):
            raise ValueError("expected each number once")
        return tuple(value)
    first, last = 1, value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d{1,10})\s*-\s*(\d{1,10})\s*", value)
        if not found:
            raise ValueError(expected)
        first, last = int(found[1]), int(found[2])
    assert isinstance(last, int)
    if not 0 <= first <= last <= MOST_SEED:
        raise ValueError(expected)
    if last - first >= MOST_PIECES:
        raise ValueError(f"expected at most {MOST_PIECES:,} seeds")
    return tuple(range(first, last + 1))


def _sampled(value: object) -> object:
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


class WhereSpec(Part):
    """One condition between swept values."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["if", "then"]},
                {"required": ["different"]},
                {"required": ["at_most", "of"]},
            ]
        }
    )

    if_: Pattern | None = Field(default=None, alias="if")
    """Where these values meet, those under then must."""
    then: Pattern | None = None
    """What holds where if does: values, lists of values, or such as '<= 80', 'minor'."""
    different: Annotated[tuple[Axis, ...], BeforeValidator(_listed), Field(min_length=2)] | None = (
        None
    )
    """These swept keys all have different values."""
    at_most: int | None = Field(default=None, ge=1, le=MOST_PIECES)
    """No more pieces than this with each value, or values, of the keys under of."""
    of: (
        Annotated[
            tuple[Axis, ...],
            BeforeValidator(
                _named,
                json_schema_input_type=Axis | Annotated[list[Axis], Field(min_length=1)],
            ),
            Field(min_length=1),
        ]
        | None
    ) = None
    """A swept key, or several."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        said = {name for name, value in (("if", self.if_), ("then", self.then),
                ("different", self.different), ("at_most", self.at_most), ("of", self.of))
                if value is not None}  # fmt: skip
        if said not in ({"if", "then"}, {"different"}, {"at_most", "of"}):
            raise ValueError(
                "expected {if: {...}, then: {...}}, {different: [...]} or {at_most: 12, of: key}"
            )
        return self


class SampleSpec(Part):
    """So many pieces, drawn by chance."""

    count: int = Field(ge=1, le=MOST_PIECES)
    """How many."""
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    """Another number, another draw."""


class DistinctSpec(Part):
    """How far any two pieces of a batch are apart at least."""

    notes: float = Field(gt=0, le=1)
    """The least share of all places in which they differ, both taken to one tonic; given voices
    are not counted."""


class SweepSpec(Part):
    """A batch: many pieces from one specification, each with other values."""

    matrix: dict[Axis, Values] = Field(default={})
    """Lists of values by their key; every value is combined with every other. A key within another
    has a dot, and list items count from 1: prior.temperature, phrases.2.cadence."""
    zip: Annotated[
        tuple[dict[Axis, Values], ...],
        BeforeValidator(
            _grouped, json_schema_input_type=dict[Axis, Values] | list[dict[Axis, Values]]
        ),
    ] = ()
    """Lists of one length whose values go together, the first with the first; or several such."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, le=MOST_SEED)], ...],
        BeforeValidator(_seeds, json_schema_input_type=int | str | list[int]),
        Field(min_length=1),
    ] | None = None  # fmt: skip
    """Each combination with each of these: how many (20), from which to which (5-24), a list."""
    include: Annotated[
        tuple[Annotated[dict[Axis, Value], Field(min_length=1)], ...], BeforeValidator(_listed)
    ] = ()
    """Further combinations, whatever where, exclude and sample say; one may name a seed of its
    own."""
    exclude: Annotated[tuple[Pattern, ...], BeforeValidator(_listed)] = ()
    """Combinations that are left out: all that have these values."""
    where: Annotated[tuple[WhereSpec, ...], BeforeValidator(_listed)] = ()
    """Conditions that every combination meets."""
    sample: Annotated[
        SampleSpec,
        BeforeValidator(
            _sampled,
            json_schema_input_type=SampleSpec | Annotated[int, Field(ge=1, le=MOST_PIECES)],
        ),
    ] | None = None  # fmt: skip
    """So many of all pieces, those under include and others drawn by chance: a number, or a count
    and a seed."""
    distinct: DistinctSpec | None = None
    """Refuse pieces that are too near to one made before."""
