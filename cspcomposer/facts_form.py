"""What a specification says of its form, as facts.

Bars count from 0 in facts, parts of the form are `piece` and `sub(X,I)`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cspcomposer.spec import SectionSpec, Spec

LETTER = re.compile(r"([A-Z])('*)")
OWN = "own"
_WHIMS = 101
# As mild as a whim is.
_WHIM = 9
USUAL = 8


@dataclass(frozen=True)
class Layout:
    """The parts of the piece as a form has them.

    Attributes:
        form: The form's name.
        labels: What all parts are called, at any depth.
        parts: What the parts of the piece are called, in order.
        weights: How long each is beside the others.
        bars: How long the piece is if nothing is said of it.
    """

    form: str
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    weights: tuple[int, ...]
    bars: int


def letters(text: str) -> tuple[str, ...] | None:
    """Return the letters of a written form, "A A' B A'"; None if it is something else."""
    found = text.split()
    return tuple(found) if found and all(LETTER.fullmatch(each) for each in found) else None


def models(labels: Sequence[str], sections: Mapping[str, SectionSpec]) -> dict[int, int]:
    """Return which earlier part comes back in each part that is not new, both counted from 0."""
    out: dict[int, int] = {}
    for place, label in enumerate(labels):
        earlier = labels[:place]
        said = sections[label].like if label in sections else None
        if said and said in earlier:
            out[place] = earlier.index(said)
        elif label in earlier:
            out[place] = earlier.index(label)
        elif not said and label.rstrip("'") != label:
            same = [i for i, other in enumerate(earlier) if other.rstrip("'") == label.rstrip("'")]
            if same:
                out[place] = same[0]
    return out


def written_form(labels: Sequence[str], spec: Spec) -> Iterator[str]:
    """Yield the facts of a form that a specification writes with letters."""
    backs = models(labels, spec.sections)
    yield f'form({OWN},"{" ".join(labels)}")'
    yield f"length({OWN},1,500)"
    for place, label in enumerate(labels):
        number = place + 1
        said = spec.sections.get(label, SectionSpec())
        yield f'part({OWN},{number},"{label}")'
        if place not in backs:
            yield f"made_as({OWN},{number},theme)"
            if 0 < place < len(labels) - 1:
                for region in ("home", "second", "subdominant", "relative"):
                    yield f"stands_in({OWN},{number},{region})"
            continue
        yield f"returns({OWN},{number},{backs[place] + 1})"
        changes = said.changes
        if not changes and label != labels[backs[place]] and label.endswith("'"):
            changes = ("ending",)
        exactly_again = label in labels[:place]
        for change in () if exactly_again else changes:
            yield f"change({OWN},{number},{change})"
        if "key" in changes and not said.key and not exactly_again:
            for region in ("second", "subdominant", "relative"):
                yield f"stands_in({OWN},{number},{region})"
        if "mode" in changes and not said.key and not exactly_again:
            yield f"stands_in({OWN},{number},parallel)"


def asked(spec: Spec, layout: Layout, seed: int, top: int | None) -> str:
    """Return what a specification asks of a form, as facts.

    Args:
        spec: The specification.
        layout: The form's parts.
        seed: For what nothing else decides.
        top: The highest pitch of a melody that is free, or None.
    """
    lengths = own_lengths(spec, layout)
    out = [f"planned({layout.form})", f"total({total(spec, layout)})"]
    out += ["free_rhythm"] if spec.texture else []
    out.append(f"home({spec.key.tonic},{spec.key.mode})")
    if top is not None:
        out.append(f"melody_top({top})")
    out += [f'own_bars("{label}",{bars})' for label, bars in lengths.items()]
    for label, said in spec.sections.items():
        if said.key:
            out.append(f'own_key("{label}",{said.key.tonic},{said.key.mode})')
        if said.closes_in:
            out.append(f'own_close("{label}",{said.closes_in.tonic},{said.closes_in.mode})')
        if said.cadence:
            out.append(f'own_cadence("{label}",{said.cadence})')
        if said.form:
            out.append(f'own_form("{label}",{said.form})')
    out += whims(seed)
    return "\n".join(f"{fact}." for fact in out)


def whims(seed: int) -> Iterator[str]:
    """Yield what chance charges, where nothing else decides."""
    chance = random.Random(f"{seed}:form")
    for number in range(_WHIMS):
        yield f"whim({number},{chance.randrange(_WHIM)})"


def own_lengths(spec: Spec, layout: Layout) -> dict[str, int]:
    """Return how long each section is of which that is said, or follows from its model."""
    said = {label: s.bars for label, s in spec.sections.items() if s.bars is not None}
    if layout.form != OWN:
        return said
    for place, model in models(layout.parts, spec.sections).items():
        if layout.parts[model] in said:
            said.setdefault(layout.parts[place], said[layout.parts[model]])
    return said


def total(spec: Spec, layout: Layout) -> int:
    """Return how many bars a piece has."""
    lengths = own_lengths(spec, layout)
    if spec.bars is not None:
        return spec.bars
    whole = sum(layout.weights) or 1
    pairs = zip(layout.parts, layout.weights, strict=True)
    return sum(lengths.get(label, layout.bars * weight // whole) for label, weight in pairs)
