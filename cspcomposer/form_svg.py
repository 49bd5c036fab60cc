"""A plan as a picture: bars from left to right; sections, keys, cadences, ideas, harmony below."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from xml.sax.saxutils import escape

from cspcomposer import pitch as pitches
from cspcomposer.form_show import Ruler, manner, name_of
from cspcomposer.plan import TURNS, Plan, Region

BAR = 26
ROW = 22
LEFT = 74
# Colours that differ in lightness too: what is alike has the same one.
_COLOURS = ("#cfe3f5", "#f7dfb8", "#d5ecc8", "#efcfd8", "#ddd3ee", "#f3efb5", "#cdeae6", "#e5dcd0")
_FUNCTIONS = {"T": "#dbe9f6", "S": "#e3f1d8", "D": "#f9dcc4", "D/": "#f3c9c9", "vi": "#e8e0f2"}
# Where there is no room for the whole name of what is made of an idea.
_SHORT = {
    "repetition": "rep.", "ornament": "orn.", "rhythmic_variation": "rh. v.",
    "transposition": "transp.", "sequence": "seq.", "inversion": "inv.", "retrograde": "retr.",
    "augmentation": "augm.", "diminution": "dim.", "fragment": "frag.", "contrast": "contr.",
    "cadence": "cad.",
}  # fmt: skip


def svg(plan: Plan, ruler: Ruler, title: str = "") -> str:
    """Return a plan as the text of an SVG file."""
    begin, end = plan.phrases[0].begin, plan.phrases[-1].end
    origin = max(begin, ruler.pickup)
    width = LEFT + int((end - origin) / ruler.full) * BAR + 20

    def x(time: Fraction) -> float:
        return LEFT + float((max(time, origin) - origin) / ruler.full) * BAR

    rows: list[str] = []
    y = 40
    body: list[str] = [_text(LEFT, 22, f"{title}: {plan.title}" if title else plan.title, 15)]
    rows += [_text(x(origin + n * ruler.full) + 2, y + 10, str(n + 1), 8, "#777")
             for n in range(int((end - origin) / ruler.full)) if n % 4 == 0]  # fmt: skip
    y += 16
    rows.append(_text(6, y + 15, "hypermetre", 10, "#555"))
    for bar, strength in enumerate(plan.hypermetre):
        left, high = x(origin + bar * ruler.full), 3 + 5 * strength
        rows.append(f'<rect x="{left:.1f}" y="{y + ROW - 2 - high}" width="3" height="{high}" '
                    f'fill="#555"><title>{_group(bar, strength)}</title></rect>')  # fmt: skip
    y += ROW
    depth = max((s.depth for s in plan.sections), default=1)
    colours = _colours(plan)
    for level in range(1, depth + 1):
        rows.append(_text(6, y + 15, "sections" if level == 1 else "", 10, "#555"))
        for s in plan.sections:
            if s.depth == level:
                rows += _box(x(s.begin), x(s.end), y, s.label, colours[s.name])
        y += ROW
    rows.append(_text(6, y + 15, "keys", 10, "#555"))
    rows += _keys(plan, x, y)
    y += ROW
    rows.append(_text(6, y + 15, "cadences", 10, "#555"))
    for phrase in plan.phrases:
        rows += _box(x(phrase.begin), x(phrase.end), y, phrase.cadence, "#ffffff", right=True)
    y += ROW
    rows.append(_text(6, y + 15, "ideas", 10, "#555"))
    known = {idea.name: idea for idea in plan.ideas}
    for idea in plan.ideas:
        left, right = x(idea.begin), x(idea.end)
        how = manner(idea)
        said = how if _fits(left, right) >= len(how) else _SHORT.get(idea.how, how)
        of = known.get(idea.of)
        whole = f"{how} of {ruler.named(of.begin, of.end)}" if of else how
        fill = "#f4f4f4" if idea.how == "new" else "#e9f1df" if idea.how in TURNS else "#ffffff"
        rows.append(f"<g><title>{escape(whole)}</title>")
        rows += [*_box(left, right, y, said, fill), "</g>"]
    y += ROW
    if plan.climax:
        middle = (x(plan.climax.begin) + x(plan.climax.end)) / 2
        rows.append(_text(6, y + 15, "climax", 10, "#555"))
        rows.append(f'<path d="M{middle - 6:.1f} {y + 17} l6 -12 l6 12 z" fill="#b03030"/>')
        rows.append(_text(middle + 10, y + 16, pitches.name(plan.climax.pitch), 10))
        y += ROW
    rows.append(_text(6, y + 15, "harmony", 10, "#555"))
    deepest = 0
    for tree in plan.harmony:
        for level, region in _regions(tree):
            deepest = max(deepest, level)
            name = name_of(region)
            rows += _box(x(region.begin), x(region.end), y + level * 16, name,
                         _FUNCTIONS.get(name, "#ffffff"), high=16)  # fmt: skip
    y += (deepest + 1) * 16
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 16}" '
        f'viewBox="0 0 {width} {y + 16}" font-family="sans-serif">'
    )
    return "\n".join([frame, f'<rect width="{width}" height="{y + 16}" fill="#ffffff"/>',
                      *body, *rows, "</svg>"]) + "\n"  # fmt: skip


def _group(bar: int, strength: int) -> str:
    """Return what begins with a bar, counted from 0."""
    said = f"a group of {2**strength} bars begins" if strength else "weak"
    return f"bar {bar + 1}: {said}"


def _colours(plan: Plan) -> dict[str, str]:
    """Return each section's colour: a return has that of its model."""
    out: dict[str, str] = {}
    used = 0
    for section in plan.sections:
        if section.like in out:
            out[section.name] = out[section.like]
        else:
            out[section.name] = _COLOURS[used % len(_COLOURS)]
            used += 1
    return out


def _keys(plan: Plan, x: object, y: float) -> Iterator[str]:
    assert callable(x)
    first = plan.sections[0].key if plan.sections else None
    changes = [(plan.phrases[0].begin, str(first or plan.phrases[0].key))]
    changes += [(m.time, str(m.key)) for m in plan.modulations]
    ends = [time for time, _ in changes[1:]] + [plan.phrases[-1].end]
    names = list(dict.fromkeys(name for _, name in changes))
    for (begin, name), end in zip(changes, ends, strict=True):
        colour = _COLOURS[-1 - names.index(name) % len(_COLOURS)]
        yield from _box(x(begin), x(end), y, name, colour)


def _regions(tree: Region, level: int = 0) -> Iterator[tuple[int, Region]]:
    yield level, tree
    for part in tree.parts:
        yield from _regions(part, level + 1)


def _box(
    left: float, right_edge: float, y: float, label: str, fill: str,
    *, right: bool = False, high: int = ROW - 2,
) -> Iterator[str]:  # fmt: skip
    width = right_edge - left
    yield (
        f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{high}" fill="{fill}" '
        f'stroke="#888" stroke-width="0.6"/>'
    )
    size = 10
    fits = _fits(left, right_edge)
    shown = label if len(label) <= fits else label[: max(0, fits - 1)] + "." if fits > 2 else ""
    if shown:
        at = right_edge - 4 if right else left + 4
        anchor = "end" if right else "start"
        yield _text(at, y + high - 5, shown, size, anchor=anchor)


def _fits(left: float, right: float) -> int:
    """Return how many letters find room in a box."""
    return int((right - left) / 5.6)


def _text(
    x: float, y: float, text: str, size: int, fill: str = "#222", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
