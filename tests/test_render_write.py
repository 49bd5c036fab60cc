"""Files are written whole, under the names that were promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from render_scores import hymn
from test_render_pictures import long_score

from cspcomposer.errors import BadInput
from cspcomposer.files import write_atomically
from cspcomposer.render import FORMATS, write


def test_each_format_is_one_file_named_after_the_piece(tmp_path: Path) -> None:
    paths = write(hymn(), tmp_path / "new" / "folder", "tune", FORMATS)
    names = ["tune.musicxml", "tune.mid", "tune.svg", "tune.png", "tune.pdf"]
    assert [p.name for p in paths] == names
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == sorted(names)
    assert all(p.stat().st_size > 500 for p in paths)


def test_further_pages_are_numbered(tmp_path: Path) -> None:
    paths = write(long_score(), tmp_path, "long", ["svg"])
    assert [p.name for p in paths[:3]] == ["long.svg", "long-2.svg", "long-3.svg"]


def test_written_twice_the_files_are_the_same(tmp_path: Path) -> None:
    one, two = (write(hymn(), tmp_path / d, "tune", FORMATS) for d in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'doc' is no format: expected one of musicxml, midi"):
        write(hymn(), tmp_path, "tune", ["midi", "doc"])
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tune.mid"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rename_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        write(hymn(), tmp_path, "tune", ["musicxml"])
    assert not list(tmp_path.iterdir())


def test_text_is_written_as_utf_8_with_plain_line_feeds(tmp_path: Path) -> None:
    path = write_atomically(tmp_path / "a" / "b.txt", "ü\nö\n")
    assert path.read_bytes() == b"\xc3\xbc\n\xc3\xb6\n"


def test_importing_the_package_imports_no_engraver() -> None:
    code = (
        "import sys, cspcomposer.render;"
        "sys.exit(bool({'verovio', 'typst', 'music21', 'mido'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
