"""A plan as text: sections, phrases, keys, ideas, and the derivation of each phrase's harmony."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.errors import counted
from cspcomposer.plan import Idea, Phrase, Plan, Region, Section

WIDTH = 100
# So many bars stand in a line where each has its number.
IN_A_LINE = 16
_LETTERS = {
    "tonic": "T", "tonic_head": "T", "dominant": "D", "dominant_head": "D", "subdominant": "S",
    "subdominant_head": "S", "applied": "D/", "submediant": "vi",
    "ground": "T", "ground_head": "T",
    "fourth": "S", "fourth_head": "S", "fifth": "D", "fifth_head": "D",
}  # fmt: skip
_CHANGES = {
    "ending": "with a new ending", "key": "in another key", "mode": "in the other mode",
    "melody": "with a new melody", "harmony": "with new chords", "rhythm": "in another rhythm",
    "ornament": "ornamented", "texture": "in another texture", "density": "in another density",
    "inversion": "upside down", "retrograde": "backwards",
    "augmentation": "in double note values", "diminution": "in half note values",
}  # fmt: skip
_CLOSES = {"any": "open"}
_WHOLE = {
    "turned": "two keys", "open": "open", "evaded": "evaded", "amen": "amen", "amen_end": "amen",
    "resting": "T", "answering": "S T", "closing": "D T",
    "away": "T D/", "descent": "D S", "homeward": "T D",
}  # fmt: skip


@dataclass(frozen=True)
class Ruler:
    """Bars and their numbers.

    Attributes:
        pickup: How long the pick-up is.
        full: How long a bar is.
    """

    pickup: Fraction
    full: Fraction

    def bar(self, time: Fraction) -> int:
        """Return the number of the bar that begins at a time."""
        return int((max(time, self.pickup) - self.pickup) / self.full) + 1

    def span(self, begin: Fraction, end: Fraction) -> str:
        """Return the bars of a stretch: 9-16."""
        first, last = self.bar(begin), self.bar(end) - 1
        return str(first) if first >= last else f"{first}-{last}"

    def named(self, begin: Fraction, end: Fraction) -> str:
        """Return the bars of a stretch with their noun: bars 9-16."""
        said = self.span(begin, end)
        return f"bars {said}" if "-" in said else f"bar {said}"


def text(plan: Plan, ruler: Ruler, title: str = "") -> str:
    """Return a plan as it is printed."""
    bars = ruler.bar(plan.phrases[-1].end) - 1
    key = plan.sections[0].key if plan.sections else plan.phrases[0].key
    head = f"{title}: " if title else ""
    out = [f"{head}{plan.title}, {counted(bars, 'bar')}, {key}", ""]
    out += _table(plan, ruler)
    if plan.modulations:
        out += ["", "Changes of key"]
        out += [
            f"  bar {ruler.bar(m.time):>3}  to {m.key}, {_manner(m.how)}" for m in plan.modulations
        ]
    if plan.climax:
        top = pitches.name(plan.climax.pitch)
        out += ["", f"Climax: {top}, in bar {ruler.bar(plan.climax.begin)} and nowhere else."]
    out += ["", "Hypermetre (where groups of 2, 4 and 8 bars begin)", *_groups(plan)]
    out += ["", "Ideas", *_ideas(plan, ruler)]
    if plan.harmony:
        out += ["", "Harmony (T tonic, S subdominant, D dominant, D/ dominant of what follows)"]
        for phrase, tree in zip(plan.phrases, plan.harmony, strict=True):
            section = plan.section(phrase.section)
            again = section.like and not {"ending", "harmony"} & set(section.changes)
            if again:
                model = plan.section(section.like)
                said = ruler.span(model.begin, model.end)
                out += ["", f"  bars {ruler.span(phrase.begin, phrase.end)}: as bars {said}"]
            else:
                out += ["", *drawn(tree, ruler)]
    return "\n".join(out) + "\n"


def manner(idea: Idea) -> str:
    """Return in words how an idea is made from another."""
    return idea.how.replace("_", " ")


def _manner(how: str) -> str:
    return {
        "pivot": "by a chord of both keys", "applied": "by its dominant",
        "chromatic": "by a chromatic step", "direct": "as the phrase begins",
    }[how]  # fmt: skip


def _table(plan: Plan, ruler: Ruler) -> Iterator[str]:
    rows = [("bars", "section", "built as", "key", "closes")]
    phrases = {phrase.section: phrase for phrase in plan.phrases}
    for section in plan.sections:
        rows.append((
            ruler.span(section.begin, section.end),
            "  " * (section.depth - 1) + section.label,
            _built(plan, section) + (", with upbeats" if section.upbeat else ""),
            str(section.key),
            _close(section, phrases.get(section.name)),
        ))  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield ("  " + "  ".join([cells[0].strip().rjust(widths[0]), *cells[1:]])).rstrip()


def _built(plan: Plan, section: Section) -> str:
    if not section.like:
        return section.form.replace("_", " ")
    model = plan.section(section.like)
    name = model.label if model.depth == 1 else f"{model.label} of {_top(plan, model).label}"
    said = ", ".join(_CHANGES[change] for change in section.changes)
    if section.label == model.label and not said:
        return f"{name} again" if section.depth == 1 else f"as in {_top(plan, model).label}"
    return f"like {name}" + (f", {said}" if said else "")


def _top(plan: Plan, section: Section) -> Section:
    return plan.section(section.name.split(".")[0])


def _close(section: Section, phrase: Phrase | None) -> str:
    if phrase is None:
        return ""
    kind = _CLOSES.get(phrase.cadence, f"{phrase.cadence} cadence")
    away = section.key is None or str(phrase.key) != str(section.key)
    return f"{kind} in {phrase.key}" if away else kind


def _groups(plan: Plan) -> Iterator[str]:
    """Yield the bars, sixteen to a line, and below each how many begin with it."""
    for first in range(0, len(plan.hypermetre), IN_A_LINE):
        strengths = plan.hypermetre[first : first + IN_A_LINE]
        bars = "".join(f"{first + n:>4}" for n in range(1, len(strengths) + 1))
        yield f"  bar  {bars}"
        yield "       " + "".join(
            f"{2**strength if strength else '.':>4}" for strength in strengths
        )


def _ideas(plan: Plan, ruler: Ruler) -> Iterator[str]:
    known = {idea.name: idea for idea in plan.ideas}
    for idea in plan.ideas:
        where = f"  {ruler.named(idea.begin, idea.end):<12}  "
        if not idea.of or idea.how == "new":
            yield f"{where}new"
            continue
        of = known[idea.of]
        yield f"{where}{manner(idea)} of {ruler.named(of.begin, of.end)}"


def drawn(tree: Region, ruler: Ruler, wide: int = 9) -> Iterator[str]:
    """Yield a derivation as lines: the bars, and below each region what it falls apart into."""
    unit = min((leaf.end - leaf.begin for leaf in tree.leaves()), default=ruler.full)
    unit = min(unit, ruler.full)

    def column(time: Fraction) -> int:
        return int((time - tree.begin) / unit) * wide if unit else 0

    bars = []
    time = tree.begin
    while time < tree.end:
        bars.append(str(ruler.bar(time)).ljust(int(ruler.full / unit) * wide))
        time += ruler.full
    yield "  bar  " + "".join(bars).rstrip()
    level = [tree]
    while level:
        line = ""
        for region in level:
            begin, end = column(region.begin), column(region.end)
            name = name_of(region)
            fill = "-" * (end - begin - len(name) - 2) if region.parts else ""
            line = line.ljust(begin) + f"{name} {fill}"
        yield "       " + line.rstrip()
        level = [part for region in level for part in region.parts]


def name_of(region: Region) -> str:
    """Return what a region is called in a drawing: T, S, D; what is no region has no name."""
    if region.function in _LETTERS:
        return _LETTERS[region.function]
    return _WHOLE.get(region.function.partition("(")[0], region.function)


def as_data(plan: Plan, ruler: Ruler) -> dict[str, Any]:
    """Return a plan as plain data for JSON."""
    return {
        "form": plan.form,
        "title": plan.title,
        "sections": [
            {"name": s.name, "label": s.label, "form": s.form, "bars": ruler.span(s.begin, s.end),
             "like": s.like, "changes": list(s.changes), "key": str(s.key), "texture": s.texture,
             "density": s.density, "upbeat": str(s.upbeat / 4),
             "harmonic_rhythm": s.pace}
            for s in plan.sections
        ],
        "phrases": [
            {"bars": ruler.span(p.begin, p.end), "section": p.section, "cadence": p.cadence,
             "key": str(p.key), "rank": p.rank}
            for p in plan.phrases
        ],
        "ideas": [
            {"name": i.name, "bars": ruler.span(i.begin, i.end), "of": i.of, "how": i.how}
            for i in plan.ideas
        ],
        "modulations": [
            {"bar": ruler.bar(m.time), "key": str(m.key), "how": m.how} for m in plan.modulations
        ],
        "climax": plan.climax and {"bar": ruler.bar(plan.climax.begin),
                                   "pitch": pitches.name(plan.climax.pitch)},
        "hypermetre": [2**strength if strength else 1 for strength in plan.hypermetre],
        "harmony": [_tree(tree, ruler) for tree in plan.harmony],
    }  # fmt: skip


def _tree(region: Region, ruler: Ruler) -> dict[str, Any]:
    bars = ruler.span(region.begin, region.end)
    out: dict[str, Any] = {"bars": bars, "function": region.function}
    if region.parts:
        out |= {"how": region.how, "parts": [_tree(part, ruler) for part in region.parts]}
    return out
