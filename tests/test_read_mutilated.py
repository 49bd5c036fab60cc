"""A damaged file reads, or is refused in a sentence that names it: nothing else, and never long."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cspcomposer.corpus import path_of
from cspcomposer.errors import BadScore
from cspcomposer.read import read
from cspcomposer.read_musicxml import unpack

SECONDS = 20
NUMBERS = ("0", "-1", "1e9", "99999999", "9" * 40, "NaN", "", "7.5", "x", "\u0663")


def source() -> str:
    """A chorale's first bars: four parts, lyrics, ties, fermatas."""
    text = unpack(path_of("bach/bwv253").read_bytes()).decode()
    short = re.sub(r'<measure number="([7-9]|\d\d)".*?</measure>', "", text, flags=re.DOTALL)
    assert short.count("<measure") >= 16
    return re.sub(r"<!DOCTYPE.*?>", "", short, flags=re.DOTALL)


def truncated(text: str, chance: random.Random) -> bytes:
    return text[: chance.randrange(len(text))].encode()


def flipped(text: str, chance: random.Random) -> bytes:
    content = bytearray(text.encode())
    for _ in range(chance.choice((1, 5, 50))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content)


def tag_removed(text: str, chance: random.Random) -> bytes:
    tags = list(re.finditer(r"<[^>]+>", text))
    start, end = chance.choice(tags).span()
    return (text[:start] + text[end:]).encode()


def element_removed(text: str, chance: random.Random) -> bytes:
    elements = list(re.finditer(r"<(\w[\w-]*)(?: [^>]*)?>[^<]*</\1>", text))
    kinds = sorted({e[1] for e in elements})
    kind = chance.choice(kinds)
    some = [e for e in elements if e[1] == kind]
    start, end = chance.choice(some).span()
    return (text[:start] + text[end:]).encode()


def kind_removed(text: str, chance: random.Random) -> bytes:
    kind = chance.choice(sorted(set(re.findall(r"<(\w[\w-]*)", text))))
    return re.sub(rf"<{kind}(?: [^>]*)?(?:/>|>.*?</{kind}>)", "", text, flags=re.DOTALL).encode()


def number_replaced(text: str, chance: random.Random) -> bytes:
    found = list(re.finditer(r">(-?\d+)<", text))
    kinds = sorted({text[text.rindex("<", 0, f.start()) : f.start()] for f in found})
    kind = chance.choice(kinds)
    some = [f for f in found if text[: f.start()].endswith(kind)]
    start, end = chance.choice(some).span(1)
    return (text[:start] + chance.choice(NUMBERS) + text[end:]).encode()


def numbers_replaced(text: str, chance: random.Random) -> bytes:
    kind = chance.choice(
        ("duration", "divisions", "octave", "beats", "beat-type", "voice", "fifths")
    )
    value = chance.choice(NUMBERS)
    return re.sub(rf"<{kind}>[^<]*<", f"<{kind}>{value}<", text).encode()


def attributes_replaced(text: str, chance: random.Random) -> bytes:
    name = chance.choice(("number", "id", "type", "version", "default-x"))
    return re.sub(rf'\b{name}="[^"]*"', f'{name}="{chance.choice(NUMBERS)}"', text).encode()


def closings_swapped(text: str, chance: random.Random) -> bytes:
    closings = list(re.finditer(r"</[^>]+>", text))
    at = chance.randrange(len(closings) - 1)
    first, second = closings[at], closings[at + 1]
    swapped = second[0] + text[first.end() : second.start()] + first[0]
    return (text[: first.start()] + swapped + text[second.end() :]).encode()


def notes_shuffled(text: str, chance: random.Random) -> bytes:
    pieces = re.findall(r"<note.*?</note>|<backup>.*?</backup>|<tie [^>]*>", text, re.DOTALL)
    for _ in range(20):
        text = text.replace(chance.choice(pieces), chance.choice(pieces), 1)
    return text.encode()


def nested(text: str, chance: random.Random) -> bytes:
    depth = chance.choice((1_000, 100_000))
    return text.replace("<note", "<note>" * depth + "<note", 1).replace(
        "</note>", "</note>" + "</note>" * depth, 1
    ).encode()  # fmt: skip


def wrong_root(text: str, chance: random.Random) -> bytes:
    root = chance.choice(("score-timewise", "opus", "part", "score-partwise x='", "Score"))
    return text.replace("score-partwise", root).encode()


def entities(text: str, chance: random.Random) -> bytes:
    steps = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE score [<!ENTITY e0 "la">{steps}]>'
    encoding = chance.choice(("utf-8", "utf-16"))
    body = text.replace("<score-partwise", bomb + "<score-partwise", 1)
    body = re.sub(r"<\?xml.*?\?>", "", body).replace("<step>", "<step>&e11;", 1)
    return body.encode(encoding)


def other_encoding(text: str, chance: random.Random) -> bytes:
    return text.encode(chance.choice(("utf-16", "utf-32", "utf-7", "cp037")))


HOW: tuple[Callable[[str, random.Random], bytes], ...] = (
    truncated, flipped, tag_removed, element_removed, kind_removed, number_replaced,
    numbers_replaced, attributes_replaced, closings_swapped, notes_shuffled, nested, wrong_root,
    entities, other_encoding,
)  # fmt: skip


@pytest.mark.parametrize("how", HOW, ids=lambda how: how.__name__)
def test_a_damaged_score_reads_or_is_refused_in_a_sentence(
    how: Callable[[str, random.Random], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = source()
    for seed in range(12):
        path = tmp_path / f"{how.__name__}_{seed}.musicxml"
        path.write_bytes(how(text, random.Random(seed)))
        began = time.monotonic()
        try:
            score = read(path)
        except BadScore as error:
            assert error.faults
            for fault in error.faults:
                assert fault.file == path
                assert fault.message.strip().endswith(".")
        else:
            assert score.voices and score.measures
        assert time.monotonic() - began < SECONDS, path
