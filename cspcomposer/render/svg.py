"""MusicXML engraved as SVG pages by verovio. Knows nothing of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cspcomposer.errors import BadScore

if TYPE_CHECKING:
    import verovio

WIDTH, HEIGHT = 210.0, 297.0  # of a page (A4), in millimetres
MARGIN = 13.0  # to the left and the right of the music, in millimetres
SCALE = 80
SPACINGS = (0.3, 0.26, 0.22, 0.18)  # verovio's "spacingLinear", the widest first


def svg_pages(
    musicxml: str,
    *,
    width: float = WIDTH,
    height: float = HEIGHT,
    scale: int = SCALE,
    header: bool = True,
) -> tuple[str, ...]:
    """Return the engraved pages; note ids are those of the MusicXML text.

    Args:
        musicxml: The text of a MusicXML file.
        width: Of the page, in millimetres.
        height: Of the page, in millimetres.
        scale: Size of the music in per cent; at 100 a staff is 7.2 mm high.
        header: Whether title and composer stand on the first page.

    Raises:
        BadScore: verovio cannot read the text.
    """
    import verovio

    # The resource path belongs to the thread: without this a worker thread draws empty pages.
    verovio.setDefaultResourcePath(f"{verovio.__path__[0]}/data")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "pageWidth": round(width * 1000 / scale),
            "pageHeight": round(height * 1000 / scale),
            "scale": scale,
            "header": "auto" if header else "none",
            "footer": "none",
            "breaks": "auto",
            "pageMarginLeft": round(MARGIN * 1000 / scale),
            "pageMarginRight": round(MARGIN * 1000 / scale),
            "lyricWordSpace": 1.6,
            "lyricTopMinMargin": 3.0,
            "xmlIdSeed": 1,  # ids of what has none in the text: the same on every run
        }
    )
    if not toolkit.loadData(musicxml):
        raise BadScore("the engraver cannot read the MusicXML text")
    _lay_out(toolkit)
    return tuple(toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1))


def _lay_out(toolkit: verovio.toolkit) -> None:
    """Space the music as wide as leaves no single measure on the last system."""
    for spacing in (*SPACINGS, SPACINGS[0]):
        toolkit.setOptions({"spacingLinear": spacing})
        toolkit.redoLayout()
        systems = toolkit.renderToSVG(toolkit.getPageCount()).split('class="system"')[1:]
        widow = systems[-1:] and systems[-1].count('class="measure"') == 1
        if not widow or (len(systems) == 1 and toolkit.getPageCount() == 1):
            return


def one_line(musicxml: str) -> str:
    """Return a few measures engraved in one line, however long, with no page around them.

    Raises:
        BadScore: verovio cannot read the text.
    """
    import verovio

    verovio.setDefaultResourcePath(f"{verovio.__path__[0]}/data")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "breaks": "none", "adjustPageHeight": True, "adjustPageWidth": True,
            "header": "none", "footer": "none", "scale": 40, "svgViewBox": True,
            "pageMarginLeft": 20, "pageMarginRight": 20, "pageMarginTop": 30,
            "pageMarginBottom": 30, "removeIds": True, "xmlIdSeed": 1,
        }
    )  # fmt: skip
    if not toolkit.loadData(musicxml):
        raise BadScore("the engraver cannot read the MusicXML text")
    drawn: str = toolkit.renderToSVG(1)
    return drawn
