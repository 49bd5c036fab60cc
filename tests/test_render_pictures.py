"""SVG, PNG and PDF show the music, the words and the marks, the same on every run."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path

import pytest
from PIL import Image
from render_scores import bars, chorale, hymn, jig, rhythms

from cspcomposer.errors import BadScore
from cspcomposer.render.marks import Mark
from cspcomposer.render.musicxml import musicxml
from cspcomposer.render.pdf import pdf
from cspcomposer.render.png import png
from cspcomposer.render.svg import svg_pages
from cspcomposer.score import Score


def long_score(measures: int = 120) -> Score:
    score = rhythms()
    once = score.end
    voices = tuple(
        replace(
            voice,
            notes=tuple(
                replace(note, onset=note.onset + once * i)
                for i in range(measures // 7)
                for note in voice.notes
            ),
        )
        for voice in score.voices
    )
    return replace(score, voices=voices, measures=bars(measures, 4, 4))


def words(page: str) -> str:
    return "".join(ET.fromstring(page).itertext())


def ink(picture: bytes) -> float:
    """The share of the picture that is not white."""
    grey = Image.open(io.BytesIO(picture)).convert("RGBA")
    paper = Image.new("RGBA", grey.size, "white")
    paper.alpha_composite(grey)
    histogram = paper.convert("L").histogram()
    return sum(histogram[:128]) / sum(histogram)


def test_the_picture_holds_every_note_by_its_id_and_every_word() -> None:
    (page,) = svg_pages(musicxml(hymn()))
    ids = {e.get("id") for e in ET.fromstring(page).iter()}
    assert {f"n-{v.name}-{i}" for v in hymn().voices for i in range(len(v.notes))} <= ids
    for word in ("Praise", "faith", "V4/2/V", "a: I", "Hymn & tune", "Soprano"):
        assert word in words(page)


def test_without_a_header_the_title_is_left_to_others() -> None:
    (page,) = svg_pages(musicxml(hymn()), header=False)
    assert "Hymn" not in words(page)


def test_pictures_are_the_same_in_a_thread_and_in_another_process() -> None:
    text = musicxml(hymn())
    here = svg_pages(text)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(svg_pages, text).result() == here
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from render_scores import hymn;"
        "from cspcomposer.render.musicxml import musicxml;"
        "from cspcomposer.render.svg import svg_pages;"
        "sys.stdout.write(''.join(svg_pages(musicxml(hymn()))))"
    )
    folder = Path(__file__).parent
    other = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env=os.environ | {"PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"},
        cwd=folder.parent,
        capture_output=True,
        check=True,
    )
    assert other.stdout.decode() == "".join(here)


def test_a_chorale_is_one_page_and_a_long_piece_several() -> None:
    assert len(svg_pages(musicxml(chorale("bach/bwv269")))) == 1
    assert len(svg_pages(musicxml(long_score()))) > 2


def test_no_single_measure_is_left_on_the_last_system() -> None:
    for score in (hymn(), jig(), chorale("bach/bwv66.6")):
        systems = svg_pages(musicxml(score))[-1].split('class="system"')
        assert systems[-1].count('class="measure"') > 1


def test_marks_are_coloured_and_labelled() -> None:
    marks = (Mark("alto", F(2), "#C00000", "parallel fifths"),)
    (page,) = svg_pages(musicxml(hymn(), marks=marks))
    assert "#C00000" in page
    assert "parallel fifths" in words(page)


def test_a_text_that_is_no_score_is_refused() -> None:
    with pytest.raises(BadScore):
        svg_pages("<html/>")


def test_a_png_is_a_picture_with_ink_on_it() -> None:
    (page,) = png(hymn())
    assert page.startswith(b"\x89PNG\r\n\x1a\n")
    assert Image.open(io.BytesIO(page)).size == (1654, 2339)
    assert 0.003 < ink(page) < 0.2


def test_words_and_numerals_leave_ink_on_the_png() -> None:
    silent = tuple(
        replace(v, notes=tuple(replace(n, lyrics=()) for n in v.notes)) for v in hymn().voices
    )
    bare = replace(hymn(), voices=silent, chords=())
    assert ink(png(hymn())[0]) > ink(png(bare)[0]) * 1.05


def test_a_pdf_has_a_page_for_each_page_of_music_and_no_date_of_today() -> None:
    content = pdf(long_score())
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type/Page/") == len(png(long_score(), ppi=20)) > 2
    assert b"CreationDate" not in content
    assert pdf(hymn()) == pdf(hymn())


def test_a_title_is_text_and_never_a_command() -> None:
    score = replace(hymn(), title='#panic("x") $ * _ "', composer="\\ ] #")
    assert len(png(score, ppi=20)) == 1
