"""Engraved pages set on paper by typst, for the formats that are printed or looked at."""

from __future__ import annotations

from typing import Literal

from cspcomposer.render.svg import HEIGHT, SCALE, WIDTH, svg_pages

_TITLE_HEIGHT = 22.0
_DOCUMENT = """
#set document(title: sys.inputs.title, author: sys.inputs.composer, date: none)
#set page(width: {width}mm, height: {height}mm, margin: 0mm)
#set text(font: "Libertinus Serif")
#let music(page, top) = place(dy: top, image(
  bytes(sys.inputs.at(page)), format: "svg", width: {width}mm, alt: "A page of music"))
#place(top + center, dy: 11mm, text(size: 20pt, sys.inputs.title))
#place(top + right, dx: -13mm, dy: 20mm, text(size: 11pt, sys.inputs.composer))
"""
_PUA = {
    "\ueca5": "\u2669", "\ueca3": "\U0001d15e", "\ueca7": "\u266a", "\uecb7": ".",
    "\uea64": "\u266d", "\uea65": "\u266e", "\uea66": "\u266f",
}  # fmt: skip


def sheet(
    musicxml: str,
    *,
    title: str = "",
    composer: str = "",
    to: Literal["pdf", "png"],
    ppi: float = 200,
    scale: int = SCALE,
) -> list[bytes]:
    """Return the files that show the music on A4: one for "pdf", one for each page for "png".

    Title and composer are set by typst, because it puts the words that verovio centres in the
    wrong place. Only typst's own fonts are used, so every machine draws the same.
    """
    import typst

    head = _TITLE_HEIGHT if title or composer else 0.0
    drawn = svg_pages(musicxml, height=HEIGHT - head, scale=scale, header=False)
    pages = {f"page-{i}": _in_unicode(page) for i, page in enumerate(drawn, start=1)}
    document = _DOCUMENT.format(width=WIDTH, height=HEIGHT)
    for number, page in enumerate(pages):
        top = head / 2 if number else head
        document += ("#pagebreak()\n" if number else "") + f'#music("{page}", {top}mm)\n'
    content = typst.compile(
        document.encode(),
        format=to,
        ppi=ppi,
        ignore_system_fonts=True,
        sys_inputs={"title": title, "composer": composer, **pages},
    )
    return content if isinstance(content, list) else [content]


def _in_unicode(page: str) -> str:
    """Return an SVG page whose metronome mark and chord symbols need no font for music."""
    for private, public in _PUA.items():
        page = page.replace(private, public)
    return page
