"""What is told of a batch: a page, a table, a data set."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
import pytest
from batching import TINY, written

import cspcomposer
from cspcomposer import batch_export, batch_record, batch_report, batch_splits, cli
from cspcomposer import pitch as pitches
from cspcomposer.batch_copied import TUNE, VOICES, Corpus
from cspcomposer.batch_copied import lines as copiable
from cspcomposer.batch_distinct import Gallery, likeness
from cspcomposer.batch_owned import MARK
from cspcomposer.errors import BadInput
from cspcomposer.score import Key, Measure, Note, Score, Signature, Voice

PIECES = 4  # and one that has no solution
LINE = tuple(
    map(pitches.parse, ["C5", "D5", "E5", "F5", "G5", "F5", "E5", "D5", "C5", "E5", "D5", "C5"])
)
C = pitches.parse_class("C")
SECOND, FIFTH, OCTAVE = 6, 23, 40


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small batch; the last piece of it has no solution."""
    folder = tmp_path_factory.mktemp("report")
    base = TINY.replace("bars: 1", "phrases: [{bars: 1, cadence: authentic}]")
    sweep = "{matrix: {key: [C major, E minor]}, seeds: 2, include: [{given.bass: a2 a2, seed: 1}]}"
    results = list(cspcomposer.batch(written(folder, sweep, base=base), out=folder / "out", jobs=1))
    assert [result.composed for result in results] == [True] * PIECES + [False]
    return folder / "out"


@pytest.fixture(scope="module")
def page(batch: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page")
    batch_report.write(batch, out=out, corpus="none")
    return (out / "report.html").read_text(encoding="utf-8")


def told(page: str) -> dict[str, Any]:
    found = re.search(r'application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def piece(line: tuple[int, ...], shift: int = 0) -> Score:
    """A piece of two voices in quarter notes, the lower an octave below, moved by an interval."""
    voices = tuple(
        Voice(name, name, "treble", tuple(
            Note(Fraction(i), Fraction(1), p + shift - below) for i, p in enumerate(line)))
        for name, below in (("soprano", 0), ("alto", 40))
    )  # fmt: skip
    bars = tuple(Measure(n + 1, Fraction(4 * n), Fraction(4), 4, 4) for n in range(len(line) // 4))
    key = Key(Fraction(0), (C + shift - 1) % 40 + 1, "major")
    return Score("", "", Fraction(72), voices, bars, (Signature(Fraction(0), 0),), (key,))


def test_what_stands_beside_broken_rules_is_true_where_hard_ones_are_among_them(
    batch: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(batch, copy)
    manifest = copy / "manifest.jsonl"
    first, *others = manifest.read_text().splitlines(keepends=True)
    line = json.loads(first)
    line["cost_by_rule"] = {
        "augmented_melodic_interval": {"severity": "hard", "count": 1, "cost": 0}
    }
    manifest.write_text("".join([json.dumps(line) + "\n", *others]))
    batch_report.write(copy, corpus="none")
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert told(page)["severity"]["augmented_melodic_interval"] == "hard"
    assert "never broken" not in " ".join(page.split())


def test_the_page_needs_no_network_and_no_other_file(page: str) -> None:
    names = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert all(name.startswith("http://www.w3.org/") for name in names)
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert "<!--" not in page.replace("<!DOCTYPE", "")


def test_the_page_has_every_piece_with_its_values_and_the_first_lines_engraved(page: str) -> None:
    data = told(page)
    assert len(data["pieces"]) == PIECES + 1 and len(data["pictures"]) == PIECES
    assert data["axes"][0] == {"name": "key", "values": ["C major", "E minor", "as it stands"]}
    assert all("<svg" in picture and "<use" in picture for picture in data["pictures"].values())
    # The signs stand on the page once, not in every picture.
    (signs,) = {s for p in data["pictures"].values() for s in re.findall(r"<defs", p)} or {""}
    used = {n for p in data["pictures"].values() for n in re.findall(r'href="#(\w+)"', p)}
    assert signs == "" and used and all(f'id="{name}"' in page for name in used)


def test_the_page_says_why_a_piece_is_missing(page: str) -> None:
    ((status, reason, numbers),) = told(page)["reasons"]
    assert status == "no solution" and numbers == [PIECES + 1]
    assert "Another cadence than asked for" in reason


def test_the_links_of_the_page_lead_to_the_files(batch: Path) -> None:
    assert cli.main(["report", str(batch), "--corpus", "none"]) == 0
    data = told((batch / "report.html").read_text(encoding="utf-8"))
    assert data["way"] == "."
    for one in data["pieces"]:
        for ending in one["e"]:
            assert (batch / "pieces" / one["i"][:2] / f"{one['i']}{ending}").is_file()


def test_the_table_has_a_row_for_every_piece(batch: Path, tmp_path: Path) -> None:
    batch_report.write(batch, out=tmp_path, corpus="none")
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == ["C major"] * 2 + ["E minor"] * 2 + [""]
    assert all(int(row["cost"]) > 0 and float(row["seconds"]) > 0 for row in rows[:PIECES])
    assert rows[-1]["status"] == "no solution" and rows[-1]["cost"] == ""


def test_a_piece_whose_files_are_lost_or_short_is_told_as_lost(batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "out")
    lost, short, *_ = sorted((tmp_path / "out" / "pieces").rglob("*.json"))
    lost.unlink()
    short.write_bytes(short.read_bytes()[:200])
    batch_report.write(tmp_path / "out", corpus="none")
    data = told((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert len(data["pieces"]) == PIECES + 1 and len(data["pictures"]) == PIECES - 2
    status, reason, numbers = data["reasons"][0]
    assert (status, len(numbers)) == ("lost", 2)
    assert reason == "its files are not whole: run the batch once more."


def test_values_that_begin_alike_are_told_apart(batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "out")
    tunes = [f"{'c2 ' * 20}{last}" for last in ("d2", "e2")]
    manifest = tmp_path / "out" / "manifest.jsonl"
    found = [json.loads(text) for text in manifest.read_text().splitlines()]
    for place, line in enumerate(found):
        line["inputs"]["given.bass"] = tunes[place % 2]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in found))
    batch_report.write(tmp_path / "out", corpus="none")
    data = told((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    (number,) = (n for n, axis in enumerate(data["axes"]) if axis["name"] == "given.bass")
    names = [data["axes"][number]["values"][one["v"][number]] for one in data["pieces"]]
    assert len(set(names)) == 2 and names[0] == names[2] != names[1] == names[3]
    assert all(len(name) < 50 for name in names)


def test_no_title_ends_the_data_of_the_page(batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "batch.json").read_text())
    about["title"] = "<!--<script></script>"
    (tmp_path / "out" / "batch.json").write_text(json.dumps(about))
    batch_report.write(tmp_path / "out", corpus="none")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    held = re.search(r'application/json">(.*?)</script>', page, re.DOTALL)
    assert held and not re.search(r"<!--|</|<script", held[1])
    assert told(page)["about"]["title"] == about["title"]


def test_a_report_on_a_file_says_that_it_is_no_folder(
    batch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(batch / "manifest.jsonl")]) == 2
    assert "this is no folder. Name the folder that" in capsys.readouterr().err


def test_a_folder_without_a_batch_gets_a_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no manifest.jsonl in this folder"):
        batch_report.write(tmp_path)


@pytest.mark.parametrize("shift", [0, SECOND, FIFTH, OCTAVE, -SECOND])
def test_a_copy_at_another_pitch_is_a_copy(shift: int) -> None:
    moved = piece(LINE, shift)
    gallery = Gallery()
    gallery.add("first", likeness(piece(LINE)))
    near = gallery.nearest("second", likeness(moved))
    assert near and near.distance == 0 and near.other == "first"


def test_the_nearest_of_many_pairs_and_what_hangs_together() -> None:
    gallery = Gallery()
    for number in range(6):
        # Each differs from the one before in one more note; two of them are something else.
        line = tuple(p + 40 if place < number else p for place, p in enumerate(LINE))
        gallery.add(str(number), likeness(piece(tuple(reversed(LINE)) if number > 3 else line)))
    nearest, count = gallery.pairs(0.2, 2)
    assert count == 6 and [(p.one, p.other) for p in nearest] == [("4", "5"), ("0", "1")]
    assert sorted(gallery.groups(0.1)) == [["0", "1", "2", "3"], ["4", "5"]]


def test_what_was_given_does_not_count_as_a_copy() -> None:
    one, other = piece(LINE), piece(tuple(reversed(LINE)))
    mixed = replace(one, voices=(one.voices[0], other.voices[1]))
    gallery = Gallery()
    gallery.add("first", likeness(one, ["soprano"]))
    near = gallery.nearest("second", likeness(mixed, ["soprano"]))
    assert near and near.distance >= 0.5


def test_a_passage_that_stands_elsewhere_is_found_at_any_pitch() -> None:
    corpus = Corpus({"there": copiable(piece(LINE))})
    copy = piece((*LINE[4:], *reversed(LINE[:4])), SECOND)
    found = {line.kind: corpus.copied(line) for line in copiable(copy)}
    assert found[TUNE].longest >= 8 and found[VOICES].longest >= 8
    assert found[TUNE].source == "there, bar 2" and found[TUNE].bar == 1
    assert 0 < found[TUNE].shares[4] < 1


@pytest.mark.parametrize("form", ["jsonl", "midi", "parquet"])
def test_every_piece_is_exported_once_with_its_split(
    form: str, batch: Path, tmp_path: Path
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    code = cli.main(["export", str(batch), "--format", form, "--out", str(tmp_path)])
    assert code == 0
    ids = []
    for split in batch_splits.SPLITS:
        if form == "jsonl" and (tmp_path / f"{split}.jsonl").exists():
            texts = (tmp_path / f"{split}.jsonl").read_text().splitlines()
            ids += [json.loads(text)["id"] for text in texts]
        elif form == "midi" and (tmp_path / split).exists():
            files = list((tmp_path / split).glob("*.mid"))
            assert all(mido.MidiFile(file).length > 0 for file in files)
            ids += [file.stem for file in files]
        elif (tmp_path / f"{split}.parquet").exists():
            from pyarrow import parquet

            ids += parquet.read_table(tmp_path / f"{split}.parquet").column("id").to_pylist()
    assert len(ids) == len(set(ids)) == PIECES
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\npretty_name:") and "No person wrote them" in card
    assert "sweep:" in card and "| split | pieces |" in card


def test_a_record_holds_notes_chords_form_violations_and_facts(batch: Path, tmp_path: Path) -> None:
    batch_export.export(batch, "jsonl", tmp_path, splits=(100, 0, 0))
    texts = (tmp_path / "train.jsonl").read_text().splitlines()
    first = json.loads(texts[0])
    assert len(texts) == PIECES and first["key"] == "C major" and first["metre"] == "4/4"
    assert [voice["name"] for voice in first["voices"]] == ["soprano", "bass"]
    note = first["voices"][0]["notes"][0]
    assert note["onset"] == 0 and 36 < note["midi"] < 90 and note["pitch"][0] in "ABCDEFG"
    assert first["chords"][-1]["numeral"] == "I"
    (phrase,) = first["form"]
    assert phrase["cadence"] == "authentic" and phrase["ends_on"] == "I"
    for violation in first["violations"]:
        assert set(violation) == {"rule", "severity", "bar", "beat", "message"}
    assert "voice(soprano,1)." in first["facts"] and "harmony(" in first["facts"]


def test_an_export_replaces_what_it_wrote_and_nothing_else(
    batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = {"train/mine.txt": "precious", "test/mine.txt": "too", "README.md": "My project"}
    for name, text in theirs.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    asked = ["export", str(batch), "--splits", "100/0/0", "--out", str(tmp_path)]
    for kind, what in (("jsonl", "README.md"), ("midi", "README.md and train")):
        assert cli.main([*asked, "--format", kind]) == 2
        said = f"{tmp_path}: this folder holds {what}, which no export wrote."
        assert capsys.readouterr().err == f"{said} Name a folder of its own with --out.\n"
    assert {n: (tmp_path / n).read_text() for n in theirs} == theirs
    (tmp_path / "README.md").unlink()
    shutil.rmtree(tmp_path / "train")
    assert cli.main([*asked, "--format", "midi"]) == 0
    (tmp_path / "train" / "mine.txt").write_text("precious")
    assert cli.main([*asked, "--format", "jsonl"]) == 0
    there = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert there == {"train/mine.txt", "test/mine.txt", "README.md", "train.jsonl", MARK}


def test_a_split_without_pieces_is_told(
    batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["export", str(batch), "--out", str(tmp_path), "--splits"]
    assert cli.main([*asked, "100/0/0"]) == 0
    assert capsys.readouterr() == (f"{tmp_path}: train 4.\n", "")
    assert cli.main([*asked, "99/0/1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path}: train 4, test 0.\n"
    assert captured.err.startswith("Nothing came into test: ")


def test_the_sections_and_cadences_of_a_plan_are_labels(tmp_path: Path) -> None:
    base = TINY.replace("bars: 1", "form: A B\nbars: 2")
    (result,) = cspcomposer.batch(written(tmp_path, "{seeds: 1}", base=base), jobs=1)
    record = batch_record.record(dict(result.line), result.data, "train")
    phrases = result.data["plan"]["phrases"]
    assert [one["cadence"] for one in record["form"]] == [one["cadence"] for one in phrases]
    assert [one["label"] for one in record["form"]] == ["A", "B"]
    spans = [(one["label"], one["from_bar"], one["to_bar"]) for one in record["sections"]]
    assert spans == [("A", 1, 1), ("B", 2, 2)]
    parquet = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    row = record | {"inputs": ""}
    assert parquet.Table.from_pylist([row], schema=batch_record.schema(parquet)).to_pylist() == [
        row
    ]


def test_pieces_over_one_tune_are_never_in_two_splits(tmp_path: Path) -> None:
    tunes = "[c''2 d'', e''2 d'', g'2 b', f'2 d'', g'2 d'', c''2 b']"
    base = TINY.replace("outputs: [musicxml, midi]", "outputs: [musicxml]")
    spec = written(tmp_path, f"{{matrix: {{given.soprano: {tunes}}}, seeds: 2}}", base=base)
    results = list(cspcomposer.batch(spec, out=tmp_path / "out"))
    composed = [dict(r.line) for r in results if r.composed]
    where, grouped = batch_splits.divided(tmp_path / "out", composed, (50, 25, 25))
    assert grouped == "group"
    by_tune: dict[str, set[str]] = {}
    for line in composed:
        by_tune.setdefault(line["inputs"]["given.soprano"], set()).add(where[line["id"]])
    assert all(len(splits) == 1 for splits in by_tune.values())


def test_an_export_of_what_is_not_whole_says_what_to_do(batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "out")
    next((tmp_path / "out" / "pieces").rglob("*.json")).unlink()
    with pytest.raises(BadInput, match="it composes again what is not whole"):
        batch_export.export(tmp_path / "out", "jsonl", tmp_path / "set")
