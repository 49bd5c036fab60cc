"""Specification files: what they say, and how their faults are told."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

import cspcomposer
from cspcomposer import key as keys
from cspcomposer.brief import given_scores
from cspcomposer.errors import BadSpec, Fault
from cspcomposer.metre import Metre
from cspcomposer.spec import FileSource, Spec, schema_text
from cspcomposer.specfile import LoadedSpec, load, parse
from cspcomposer.specforms import length, note_range

SCHEMA = Path(cspcomposer.__file__).with_name("spec.schema.json")

FULL = r"""# yaml-language-server: $schema=../cspcomposer/spec.schema.json
title: A hymn
composer: Anon
style: chorale
key: G major
metre: 4/4
pickup: 1/4
tempo: 84
voices:
  - {name: soprano, label: Descant, range: c' g'', clef: treble}
  - alto
  - {name: tenor, range: C3 G4, clef: treble8}
  - bass
phrases:
  - {bars: 2, cadence: half}
  - {bars: 2, cadence: authentic, key: D major}
harmonic_rhythm: half_beat
given:
  soprano: |
    d'4 | g'4 a' b'4.~ b'8 |
    a'2.\fermata s4 | s1*2
  bass: g4 | g fis g2 |
  figures: <_>4 | <_> <6> <_+>2
  numerals: |
    m0 b4 G: I
    m1 I b2 V6 b3 I
seed: 7
effort: {conflicts: 200000}
outputs: [musicxml, midi, pdf]
rules: {parallel_fifths: strong, hidden_octaves: off}
rule_folders: []
"""
SHORT = "bars: 8\nkey: e\nmetre: 6/8\n"
AS_JSON = json.dumps(
    {"bars": 4, "voices": 3, "given": {"soprano": "c'4 d' | e'2."}, "metre": "3/4", "pickup": "1/2"}
)
AS_TOML = """
title = "A hymn"
bars = 4
outputs = ["midi"]
[given]
soprano = '''
c'4 d' e' f' |
'''
[rules]
parallel_fifths = "off"
"""


def spec(text: str, name: str = "piece.yaml") -> LoadedSpec:
    return parse(text.encode(), Path(name))


def wrong(text: str | bytes, name: str = "piece.yaml") -> tuple[Fault, ...]:
    with pytest.raises(BadSpec) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), Path(name))
    return caught.value.faults


def places(faults: tuple[Fault, ...]) -> list[tuple[int, int, str]]:
    return [(f.line, f.column, f.key) for f in faults]


def test_everything_that_can_be_said_is_understood() -> None:
    loaded = spec(FULL)
    said = loaded.spec
    assert (said.title, said.tempo, str(said.key), said.seed) == ("A hymn", 84, "G major", 7)
    assert (said.metre, said.pickup) == (Metre(4, 4), Fraction(1))
    assert [v.name for v in said.voices] == ["soprano", "alto", "tenor", "bass"]
    assert said.voices[0].range == (163, 226) and said.voices[2].clef == "treble8"
    assert said.phrases and str(said.phrases[1].key) == "D major" and said.length == 4
    assert said.rules == {"parallel_fifths": "strong", "hidden_octaves": "off"}
    assert [n.onset for n in loaded.melodies["soprano"]] == [0, 1, 2, 3, 5]
    assert len(loaded.figures) == 4 and len(loaded.numerals) == 4
    assert loaded.place("given.soprano", 4) == (21, 5)
    assert loaded.place("phrases.2.key") == (16, 35)
    assert loaded.place("given.bass", 99) == (22, 3)
    assert len(loaded.sha256) == 64 and loaded.bars == 4


def test_little_need_be_said() -> None:
    said = spec("bars: 8").spec
    assert (said.style, said.harmonic_rhythm, said.outputs) == (
        "chorale",
        "beat",
        ("musicxml", "midi", "svg"),
    )
    assert len(said.voices) == 4 and str(said.key) == "C major" and said.pickup == 0


def test_a_given_line_says_how_long_the_piece_is() -> None:
    assert spec("given: {soprano: c'1 | c' | c'4}").bars == 3
    assert spec("pickup: 1/4\ngiven: {soprano: c'4 | c'1}").bars == 1


def test_off_and_no_are_words_in_yaml_1_2() -> None:
    assert spec("bars: 1\nrules: {wide_leap: off}\ntitle: No").spec.rules == {"wide_leap": "off"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"bars": 4, "rules": {"wide_leap": "off"}, "voices": 2}', "a.json"),
        ('{\n\t"bars":4,"rules":{"wide_leap":"off"},"voices":["soprano","bass"]\n}', "a.json"),
        ('bars = 4\nvoices = 2\nrules = {wide_leap = "off"}', "a.toml"),
        ("bars: 4\nvoices: 2\nrules: {wide_leap: off}", "a.yml"),
        ("\ufeffbars: 4\r\nvoices: 2\r\nrules:\r\n  wide_leap: off\r\n", "a.yaml"),
    ],
)
def test_json_toml_and_yaml_say_the_same(text: str, name: str) -> None:
    assert spec(text, name).spec == Spec.model_validate(
        {"bars": 4, "rules": {"wide_leap": "off"}, "voices": ["soprano", "bass"]}
    )


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    faults = wrong(
        "titel: x\nkey: H major\ntempo: fast\nbars: 8.5\n"
        "voices: [soprano, {name: bass, claf: bass}]\n"
        "given:\n  bass: c4 h\nseed: -1\nrules:\n  wide_leap: false\n"
    )
    assert places(faults) == [
        (1, 1, "titel"), (2, 6, "key"), (3, 8, "tempo"), (4, 7, "bars"), (5, 32, "voices.2.claf"),
        (7, 12, "given.bass"), (8, 7, "seed"), (10, 14, "rules.wide_leap"),
    ]  # fmt: skip
    assert "Did you mean 'title'?" in faults[0].hint
    assert "Did you mean 'clef'?" in faults[4].hint
    assert "Did you mean 'off'?" in faults[7].hint
    assert "found the number 8.5, expected a whole number" in faults[3].message


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("title: x", "", "How long is the piece?"),
        ("bars: 4\nphrases: [{bars: 4}]", "phrases", "not both"),
        ("bars: 0", "bars", "at least 1"),
        ("bars: 4\nbars: 5", "bars", "line 1 already"),
        ("bars: 4\nkey:", "key", "no value"),
        ("bars: 4\ntitle: 1984", "title", "quotes"),
        ("bars: 4\nkey: G# major", "key", "at most seven"),
        ("bars: 4\nmetre: 4/5", "metre", "expected 1 to 32 beats"),
        ("bars: 4\npickup: 4/4", "pickup", "less than a bar of 4/4"),
        ("bars: 4\neffort: {}", "effort", "conflicts, seconds, prove or threads"),
        ("bars: 4\neffort: {conflicts: 1, seconds: 1}", "effort", "either conflicts or seconds"),
        ("bars: 4\noutputs: [mdi]", "outputs.1", "Did you mean 'midi'?"),
        ("bars: 4\noutputs: midi", "outputs", "expected a list"),
        ("bars: 4\nvoices: [alto, alto]", "voices.2", "another voice's name"),
        ("bars: 4\nvoices: [figures]", "voices.1", "means something else"),
        ("bars: 4\nvoices: 9", "voices", "1 to 8 voices"),
        ("bars: 4\nvoices: []", "voices", "at least 1"),
        ("bars: 4\nvoices: [{name: a, range: g' c'}]", "voices.1.range", "lowest pitch first"),
        ("phrases: [{cadence: halb}]", "phrases.1.cadence", "Did you mean 'half'?"),
        ("phrases: [{cadence: half}]", "phrases.1.bars", "is missing"),
        ("phrases: 4", "phrases", "expected a list"),
        ("given: {sopran: c'1}", "given.sopran", "Did you mean 'soprano'?"),
        ("bars: 4\ngiven: {figures: <6>1}", "given.figures", "give bass"),
        ("bars: 1\ngiven: {alto: c'1 d'}", "given.alto", "behind the piece's end"),
        ("bars: 1\ngiven: {numerals: 'm2 C: I'}", "given.numerals", "behind the piece's end"),
        ("bars: 1\ngiven: {numerals: 'm0 C: I'}", "given.numerals", "is a pick-up"),
        ("pickup: 1/4\nbars: 1\ngiven: {numerals: 'm0 C: I'}", "given.numerals", "expected b4"),
        ("given: {alto: {file: nowhere.xml}}", "given.alto.file", "no such file"),
        ("given: {alto: {fil: nowhere.xml}}", "given.alto.fil", "Did you mean 'file'?"),
        ("given: {numerals: {file: nowhere.txt}}", "given.numerals.file", "no such file"),
        ('given: {alto: "c\'1\\fermata"}', "given.alto", "double quotes"),
        ("bars: 1\nrule_folders: [nowhere]", "rule_folders.1", "no such folder"),
        ("bars: 1\nrules: {Wide-Leap: off}", "rules.Wide-Leap", "Did you mean 'wide_leap'?"),
        ("bars: 1\nrules: {wide_leap: mold}", "rules.wide_leap", "Did you mean 'mild'?"),
        ("bars: 1\ntempo: .inf", "tempo", "infinite"),
        ("bars: " + "9" * 5000, "bars", "expected a whole number"),
        ("bars: 4\nstyle: Chorale", "style", "Did you mean 'chorale'?"),
    ],
)  # fmt: skip
def test_a_fault_names_its_key_and_says_what_was_expected(text: str, key: str, says: str) -> None:
    found = [f for f in wrong(text) if says in f"{f.message} {f.hint}"]
    assert found and found[0].key == key and found[0].line > 0, wrong(text)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "empty"), ("  \n", 1, "empty"), ("# only words\n", 1, "keys and values"),
        ("- a\n- b", 1, "keys and values"), ("bars", 1, "keys and values"),
        ("bars: 8\n\tkey: G", 2, "tab"), ("given:\n  soprano: a\n   bass: b", 3, ""),
        ("bars: 8\ntitle: 'x", 2, "never closed"), ("bars: 8\noutputs: [midi", 2, "never closed"),
        ("bars: 8\ntitle: a: b", 2, "no key can begin"), ("bars: 8\nnonsense\nkey: G", 2, ""),
        ("given:\n  soprano: | c'4", 2, "next line"), ('title: "\\q"', 1, "single quotes"),
        ("bars: &a 8\nseed: *a", 1, "another place"), ("bars: !!int 8", 1, "tag"),
        ("bars: 8\n---\nbars: 9", 2, "second document"), ("? [a]\n: b", 1, "plain word"),
        ("a: " + "[" * 100_000, 1, "levels deep"), ("x: " * 500, 1, ""),
        ("a: " + "{b: " * 50, 1, ""),
        ("bars: 8\ntitle: a\x07b", 2, "U+0007"), ("x" * 300_000, 1, "larger than"),
        ("bars: 8\n%YAML 3.0", 2, ""), ("@", 1, "cannot begin"), ("bars: 8\nkey: *", 2, ""),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int, says: str) -> None:
    faults = wrong(text)
    assert faults[-1].line == line and says in f"{faults[-1].message} {faults[-1].hint}", faults


@pytest.mark.parametrize(
    ("raw", "line", "says"),
    [
        (b"bars: 8\ntitle: \xe9", 2, "UTF-8"), ("bars: 8".encode("utf-16"), 1, "UTF-16"),
        (bytes(range(256)), 2, ""), (b"\x00\x01", 1, "binary"), (b"PK\x03\x04" + b"\0" * 99, 1, ""),
    ],
)  # fmt: skip
def test_what_is_no_text_is_told(raw: bytes, line: int, says: str) -> None:
    (fault,) = wrong(raw)
    assert fault.line == line and says in f"{fault.message} {fault.hint}"


@pytest.mark.parametrize(
    ("name", "text", "place", "says"),
    [
        ("a.json", '{"bars": 4,\n "kay": "G"}', (2, 2), "Did you mean 'key'?"),
        ("a.json", '{"bars": 4,\n "seed": "x"}', (2, 10), "whole number"),
        ("a.json", '{"bars": 4 "key": 1}', (1, 12), "JSON"),
        ("a.json", "bars: 4", (1, 1), "JSON"),
        ("a.json", '{"bars": 4, "bars": 5}', (1, 13), "already"),
        ("a.json", '{"given": {"soprano": "c\'4\\nd\'4 h\'4"}}', (1, 33), "is no note"),
        ("a.json", "[" * 100_000, (1, 1), "too deep"),
        ("a.toml", "bars = 4\n[given]\nsoprano = '''\nc'4 h'''", (4, 5), "is no note"),
        ("a.toml", 'bars = 4\ngiven = {soprano = "h4"}', (2, 1), "is no note"),
        ("a.toml", "bars = 4\nkay = 1", (2, 1), "Did you mean 'key'?"),
        ("a.toml", "[[phrases]]\nbars = 2\n[[phrases]]\nbars = 0", (4, 1), "at least 1"),
        ("a.toml", "bars = 4\nseed = ", (2, 7), "TOML"),
        ("a.toml", "bars = 4\ntitle = 2026-01-01", (2, 1), "a text"),
        ("a.toml", "a = " + "[" * 100_000, (1, 1), "too deep"),
        ("a.toml", "a" + ".a" * 50 + " = 1", (1, 1), "levels deep"),
    ],
)  # fmt: skip
def test_json_and_toml_have_places_too(
    name: str, text: str, place: tuple[int, int], says: str
) -> None:
    fault = next(f for f in wrong(text, name) if says in f"{f.message} {f.hint}")
    assert (fault.line, fault.column) == place, fault


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("given:\n  alto: c'4 h", (2, 13)),
        ("given:\n  alto: c'4\n    d' h", (3, 8)),
        ("given:\n  alto: 'c''4 h'", (2, 15)),
        ('given:\n  alto: "c\'4 \\\n    h"', (3, 5)),
        ('given:\n  alto: "c\\x274 h"', (2, 17)),
        ("given:\n  alto: |\n\n    c'4\n    d' h", (5, 8)),
        ("given:\n  alto: |2 # words\n    c'4\n    d' h", (4, 8)),
        ("given:\n  alto: >-\n    c'4\n    d' h", (4, 8)),
    ],
)
def test_a_wrong_note_is_found_in_every_kind_of_scalar(text: str, place: tuple[int, int]) -> None:
    (fault,) = wrong(text)
    assert (fault.line, fault.column) == place


def test_files_are_found_from_the_folder_of_the_specification(tmp_path: Path) -> None:
    (tmp_path / "hymn.musicxml").write_text("<score/>")
    (tmp_path / "hymn.rntxt").write_text("m1 C: I\nm2 V")
    (tmp_path / "mine").mkdir()
    path = tmp_path / "piece.yaml"
    path.write_text(
        "bars: 2\nrule_folders: [mine]\n"
        "given: {soprano: {file: hymn.musicxml, part: 2}, numerals: {file: hymn.rntxt}}"
    )
    loaded = load(path)
    assert loaded.spec.given["soprano"] == FileSource(file="hymn.musicxml", part=2)
    assert [n.numeral for n in loaded.numerals] == ["I", "V"]
    assert loaded.file("mine") == tmp_path / "mine"


def test_faults_in_a_file_of_numerals_name_that_file(tmp_path: Path) -> None:
    (tmp_path / "hymn.rntxt").write_text("m1 C: Q")
    path = tmp_path / "piece.yaml"
    path.write_text("bars: 2\ngiven:\n  numerals: {file: hymn.rntxt}")
    with pytest.raises(BadSpec) as caught:
        load(path)
    first, second = caught.value.faults
    assert (first.line, second.file) == (3, tmp_path / "hymn.rntxt")


def test_what_is_no_readable_file_is_told(tmp_path: Path) -> None:
    for path in (
        tmp_path,
        tmp_path / "none.yaml",
        Path("a\0b"),
        Path("/dev/zero"),
        Path("x" * 999),
    ):
        with pytest.raises(BadSpec) as caught:
            load(path)
        assert caught.value.faults[0].file == path


def test_a_multitude_of_faults_is_cut_short() -> None:
    faults = wrong("bars: 2\ngiven: {alto: " + "h " * 5000 + "}")
    assert len(faults) == 101 and "and 4900 more" in faults[-1].message


def test_a_list_with_something_wrong_in_it_is_not_called_too_short() -> None:
    faults = wrong("bars: 1\nvoices:\n  - Soprano\n  - {name: alto, range: x}\noutputs: []\n")
    assert [f.key for f in faults] == ["voices.1", "voices.2.range", "outputs"]
    assert faults[2].message == "expected at least 1 item."


def test_a_part_that_a_file_does_not_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "air.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    path = tmp_path / "piece.yaml"
    path.write_text("given:\n  soprano: {file: air.abc, part: 3}\n")
    with pytest.raises(BadSpec, match="There is no part 3: the score has 1 part\\."):
        given_scores(load(path))


def test_keys_ranges_and_lengths_have_short_forms() -> None:
    assert [str(keys.parse(t)) for t in ("G", "e", "B flat Major", "f♯ minor", "bb", "a:")] == [
        "G major", "E minor", "Bb major", "F# minor", "Bb minor", "A minor",
    ]  # fmt: skip
    assert note_range("c' g''") == note_range("C4 G5") == note_range("C4-G5")
    assert [length(t) for t in ("1/4", "3/8", "1/2")] == [1, Fraction(3, 2), 2]


def test_a_specification_can_be_made_without_a_file() -> None:
    made = Spec.model_validate({"bars": 2, "key": "D major", "voices": ["soprano", "bass"]})
    again = Spec.model_validate(made.model_dump(mode="json", exclude_none=True))
    assert made == again
    with pytest.raises(ValidationError):
        Spec.model_validate({"bars": 2, "voices": 2, "given": {"alto": "c'1"}})


def test_the_shipped_schema_is_current() -> None:
    write = "Path('cspcomposer/spec.schema.json').write_text(schema_text())"
    assert SCHEMA.read_text() == schema_text(), f"the schema has changed: run {write}"


def test_every_key_of_the_schema_is_described() -> None:
    found = json.loads(SCHEMA.read_text())
    for node in (found, *found["$defs"].values()):
        for key, part in node["properties"].items():
            assert part.get("description"), key


def test_reading_a_specification_imports_nothing_heavy() -> None:
    code = "import sys, cspcomposer.specfile; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"music21", "numpy", "clingo", "verovio", "mido", "rich"} & set(run.stdout.split())


def mutilated(text: str, chance: random.Random) -> bytes:
    """Return a text as it looks after one of the accidents that files meet with."""
    lines = text.splitlines(keepends=True)
    at, row = chance.randrange(len(text)), chance.randrange(len(lines))
    other = chance.randrange(len(lines))
    junk = ["null", "[", "{", "9" * 30, "1e999", "-1", "true", "'", '"', "|", "\t", "*a", "&a",
            "é", "[[[[", "~", "0x", ": ", "- ", "# ", "<<: ", "\\", "\x00", "%"]  # fmt: skip
    word = chance.choice(junk)
    accident = chance.randrange(10)
    if accident == 0:
        return (text[:at] + text[at + chance.randint(1, 5) :]).encode()
    if accident == 1:
        return text[:at].encode()
    if accident == 2:
        return (text[:at] + word + text[at:]).encode()
    if accident == 3:
        return (text[:at] + word + text[at + len(word) :]).encode()
    if accident == 4:
        return text.encode()[:at] + chance.randbytes(3) + text.encode()[at:]
    if accident == 5:
        lines[row], lines[other] = lines[other], lines[row]
    elif accident == 6:
        lines[row] = " " * chance.randint(1, 3) + lines[row]
    elif accident == 7:
        lines[row] = lines[row].lstrip()
    elif accident == 8:
        head, colon, _ = lines[row].partition(":" if ":" in lines[row] else "=")
        lines[row] = f"{head}{colon} {word}\n"
    else:
        lines.insert(row, lines[other])
    return "".join(lines).encode()


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_to_a_file_it_loads_or_its_faults_have_a_place(seed: int) -> None:
    chance = random.Random(seed)
    text, name = chance.choice(
        [(FULL, "a.yaml"), (SHORT, "a.yaml"), (AS_JSON, "a.json"), (AS_TOML, "a.toml")]
    )
    raw = mutilated(text, chance)
    if chance.random() < 0.3:
        raw = mutilated(raw.decode("utf-8", "replace") or " ", chance)
    try:
        assert parse(raw, Path(name)).spec
    except BadSpec as error:
        assert error.faults and all(f.line > 0 and f.message for f in error.faults)


def test_every_example_loads_and_names_the_schema_for_editors() -> None:
    for path in sorted((Path(__file__).parent.parent / "examples").rglob("*.yaml")):
        first, _, _ = path.read_text().partition("\n")
        name = first.removeprefix("# yaml-language-server: $schema=")
        assert name != first and (path.parent / name).resolve() == SCHEMA.resolve(), path
        assert load(path).spec
