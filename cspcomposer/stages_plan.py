"""From a plan to an outline: phrases, cadences and keys where they fall, and which slots come back.

Lays out time; what was planned is the plan's business, what is right the rules'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import cast

from cspcomposer.plan import SURFACE_CHANGES, TURNS, Echo, Phrase, Plan, Section
from cspcomposer.score import Key, Measure, Signature
from cspcomposer.spec import HarmonicRhythm, PhraseSpec, Spec

# Up to half an octave up or down, in base-40.
_OCTAVE = 40


def as_phrases(plan: Plan, spec: Spec) -> Spec:
    """Return a specification with the phrases of a plan, as if it had written them."""
    phrases = tuple(
        PhraseSpec.model_construct(bars=_bars(phrase, spec), cadence=phrase.cadence, key=None)
        for phrase in plan.phrases
    )
    return spec.model_copy(update={"phrases": phrases, "bars": None})


def pace(plan: Plan, usual: HarmonicRhythm, bar: Measure) -> HarmonicRhythm:
    """Return how often the harmony may change in a bar: as its section says, or as is usual."""
    return cast(HarmonicRhythm, plan.pace_at(bar.onset) or usual)


def upbeats(plan: Plan) -> tuple[Fraction, ...]:
    """Return for each phrase how much of its last bar leads into the next one."""
    return tuple(plan.upbeat_to(phrase.end) for phrase in plan.phrases)


def _bars(phrase: Phrase, spec: Spec) -> int:
    return int((phrase.end - bar_line(phrase.begin, spec.pickup)) / spec.metre.full)


def bar_line(begin: Fraction, pickup: Fraction) -> Fraction:
    """Return the first bar line of what begins somewhere: a pick-up comes before it."""
    return max(begin, pickup)


def _first(plan: Plan, spec: Spec) -> Key:
    """Return the key in which a piece begins: its first section may stand away from home."""
    begins = plan.sections[0].key if plan.sections else None
    return replace(begins or spec.key, onset=Fraction(0))


def keys(plan: Plan, spec: Spec) -> tuple[Key, ...]:
    """Return the keys of a plan where they begin to hold."""
    out = [_first(plan, spec)]
    for change in plan.modulations:
        # A phrase begins with its pick-up; within one the key changes at a bar line.
        early = spec.pickup if change.how == "direct" else 0
        out.append(replace(change.key, onset=change.time - early))
    return tuple(out)


def signatures(plan: Plan, spec: Spec) -> tuple[Signature, ...]:
    """Return the key signatures: those of the parts of the piece, not of every turn in them."""
    out = [Signature(Fraction(0), _first(plan, spec).fifths)]
    for section in plan.sections:
        if section.depth == 1 and section.key and section.key.fifths != out[-1].fifths:
            begin = max(section.begin, Fraction(0)) if section.begin > spec.pickup else Fraction(0)
            out = [s for s in out if s.onset != begin]
            out.append(Signature(begin, section.key.fifths))
    return tuple(out)


def echoes(plan: Plan, spec: Spec, slots: tuple[Fraction, ...]) -> tuple[Echo, ...]:
    """Return which slots come back from which others.

    Where an ending is changed the first half of the phrase comes back. What comes back of something
    that came back itself, comes back from where it was first.
    """
    known = set(slots)
    found: dict[tuple[Fraction, str], Echo] = {}
    for phrase in plan.phrases:
        section = plan.section(phrase.section)
        if not section.like:
            continue
        model = plan.section(section.like)
        for echo in _of(section, model, spec, slots):
            if echo.of not in known:
                continue
            first = found.get((echo.of, "all")) or found.get((echo.of, echo.what))
            if first:
                what = echo.what if first.what == "all" else first.what
                echo = replace(
                    echo, of=first.of, up=echo.up + first.up, what=what,
                    surface=echo.surface and first.surface,
                )  # fmt: skip
            found[echo.time, echo.what] = echo
    return tuple(sorted(found.values(), key=lambda e: (e.time, e.what)))


def _of(
    section: Section, model: Section, spec: Spec, slots: tuple[Fraction, ...]
) -> Iterator[Echo]:
    changes = set(section.changes) - SURFACE_CHANGES
    plain = not SURFACE_CHANGES & set(section.changes)
    other_mode = model.key and section.key and model.key.mode != section.key.mode
    if other_mode or "mode" in changes or {"melody", "harmony"} <= changes:
        return
    if changes & set(TURNS):
        # The melody is known again by its steps, over chords that suit it.
        return
    line = bar_line(section.begin, spec.pickup)
    shift = line - bar_line(model.begin, spec.pickup)
    end = section.end
    if "ending" in changes:
        bars = int((section.end - line) / spec.metre.full)
        end = line + (bars + 1) // 2 * spec.metre.full
    up = _interval(model.key, section.key) if "key" in changes else 0
    what = "harmony" if "melody" in changes else "melody" if "harmony" in changes else "all"
    for slot in slots:
        if line - spec.pickup <= slot < end - spec.pickup:
            yield Echo(slot, slot - shift, up, what, plain)


def _interval(before: Key | None, after: Key | None) -> int:
    """Return how far one tonic is above another, at most half an octave."""
    if before is None or after is None:
        return 0
    up = (after.tonic - before.tonic) % _OCTAVE
    return up if up <= _OCTAVE // 2 else up - _OCTAVE
