"""A plan as a picture: bars from left to right; sections, keys, cadences, ideas, harmony below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    page = _Page(plan, ruler)
    page.put(_text(LEFT, 22, f"{title}: {plan.title}" if title else plan.title, 15))
    page.bars()
    page.hypermetre()
    page.sections()
    page.keys()
    page.cadences()
    page.ideas()
    page.climax()
    page.harmony()
    return page.text()


class _Page:
    """A picture that grows downwards, row by row."""

    def __init__(self, plan: Plan, ruler: Ruler) -> None:
        self._plan, self._ruler = plan, ruler
        self._end = plan.phrases[-1].end
        self._origin = max(plan.phrases[0].begin, ruler.pickup)
        self._marks: list[str] = []
        self._y = 40

    def _x(self, time: Fraction) -> float:
        return LEFT + float((max(time, self._origin) - self._origin) / self._ruler.full) * BAR

    @property
    def _bars(self) -> int:
        return int((self._end - self._origin) / self._ruler.full)

    def put(self, *marks: str) -> None:
        """Add what is drawn."""
        self._marks += marks

    def _named(self, name: str) -> None:
        self.put(_text(6, self._y + 15, name, 10, "#555"))

    def bars(self) -> None:
        """Number every fourth bar."""
        for n in range(0, self._bars, 4):
            begin = self._x(self._origin + n * self._ruler.full)
            self.put(_text(begin + 2, self._y + 10, str(n + 1), 8, "#777"))
        self._y += 16

    def hypermetre(self) -> None:
        """Draw a line at each bar, the longer the more bars begin with it."""
        self._named("hypermetre")
        for bar, strength in enumerate(self._plan.hypermetre):
            left, high = self._x(self._origin + bar * self._ruler.full), 3 + 5 * strength
            place = f'x="{left:.1f}" y="{self._y + ROW - 2 - high}" width="3" height="{high}"'
            self.put(f'<rect {place} fill="#555"><title>{_group(bar, strength)}</title></rect>')
        self._y += ROW

    def sections(self) -> None:
        """Draw the sections, smaller ones below larger ones, and the upbeats of their phrases."""
        plan, colours = self._plan, _colours(self._plan)
        for level in range(1, max((s.depth for s in plan.sections), default=1) + 1):
            self._named("sections" if level == 1 else "")
            for s in plan.sections:
                if s.depth == level:
                    self.put(*_box(self._x(s.begin), self._x(s.end), self._y, s.label,
                                   colours[s.name]))  # fmt: skip
            self._y += ROW
        for phrase in plan.phrases:
            if long := plan.upbeat_to(phrase.begin):
                self._upbeat(phrase.begin, long)

    def _upbeat(self, begin: Fraction, long: Fraction) -> None:
        """Draw a wedge that leads to the beginning of a phrase from where its upbeat begins."""
        left, right, foot = self._x(begin - long), self._x(begin), self._y - 2
        said = f"bar {self._ruler.bar(begin)} has an upbeat of {long / 4} of a whole note"
        self.put(f'<path d="M{left:.1f} {foot} H{right:.1f} v-9 z" fill="#333">'
                 f"<title>{said}</title></path>")  # fmt: skip

    def keys(self) -> None:
        """Draw the keys."""
        self._named("keys")
        self.put(*_keys(self._plan, self._x, self._y))
        self._y += ROW

    def cadences(self) -> None:
        """Draw the phrases with how each closes."""
        self._named("cadences")
        for phrase in self._plan.phrases:
            left, right = self._x(phrase.begin), self._x(phrase.end)
            self.put(*_box(left, right, self._y, phrase.cadence, "#ffffff", right=True))
        self._y += ROW

    def ideas(self) -> None:
        """Draw the ideas with what each is made of."""
        self._named("ideas")
        known = {idea.name: idea for idea in self._plan.ideas}
        for idea in self._plan.ideas:
            left, right = self._x(idea.begin), self._x(idea.end)
            how = manner(idea)
            said = how if _fits(left, right) >= len(how) else _SHORT.get(idea.how, how)
            of = known.get(idea.of)
            whole = f"{how} of {self._ruler.named(of.begin, of.end)}" if of else how
            fill = "#f4f4f4" if idea.how == "new" else "#e9f1df" if idea.how in TURNS else "#ffffff"
            box = _box(left, right, self._y, said, fill)
            self.put(f"<g><title>{escape(whole)}</title>", *box, "</g>")
        self._y += ROW

    def climax(self) -> None:
        """Draw where the climax is, if there is one."""
        if (top := self._plan.climax) is None:
            return
        middle = (self._x(top.begin) + self._x(top.end)) / 2
        self._named("climax")
        self.put(f'<path d="M{middle - 6:.1f} {self._y + 17} l6 -12 l6 12 z" fill="#b03030"/>',
                 _text(middle + 10, self._y + 16, pitches.name(top.pitch), 10))  # fmt: skip
        self._y += ROW

    def harmony(self) -> None:
        """Draw how the harmony of each phrase is derived."""
        self._named("harmony")
        deepest = 0
        for tree in self._plan.harmony:
            for level, region in _regions(tree):
                deepest = max(deepest, level)
                name, top = name_of(region), self._y + level * 16
                left, right = self._x(region.begin), self._x(region.end)
                self.put(*_box(left, right, top, name, _FUNCTIONS.get(name, "#ffffff"), high=16))
        self._y += (deepest + 1) * 16

    def text(self) -> str:
        """Return all of it as a file."""
        wide, high = LEFT + self._bars * BAR + 20, self._y + 16
        frame = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
            f'viewBox="0 0 {wide} {high}" font-family="sans-serif">'
        )
        ground = f'<rect width="{wide}" height="{high}" fill="#ffffff"/>'
        return "\n".join([frame, ground, *self._marks, "</svg>"]) + "\n"


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


def _keys(plan: Plan, x: Callable[[Fraction], float], y: float) -> Iterator[str]:
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
