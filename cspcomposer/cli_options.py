"""The options of each command, as `argparse` reads them; what a command does is not known here."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cspcomposer import __version__

FORMATS = ("musicxml", "midi", "svg", "png", "pdf")
Command = Callable[[argparse.Namespace], int]
Commands = Any


def parser(run: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return what reads the command line; `run` says what each command calls."""
    parser = argparse.ArgumentParser(
        prog="cspcomposer",
        description="Compose by rules that one can read, and check scores against them.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    compose = commands.add_parser("compose", help="compose what specification files ask for")
    compose.add_argument("spec", nargs="+", type=Path, help="YAML, JSON or TOML")
    compose.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write")
    compose.add_argument("--seed", type=_seed, metavar="N", help="in place of the specification's")
    compose.add_argument("--format", type=_formats, metavar="F,F", help=", ".join(FORMATS))
    compose.add_argument("--seconds", type=_seconds, metavar="S",
                         help="how long the whole run may take, about; the search gets what the "
                         "rest leaves")  # fmt: skip
    compose.add_argument("--effort", type=_conflicts, metavar="N",
                         help="search until N conflicts are met: unlike seconds, the same on every "
                         "machine; 120 a chord as it comes")  # fmt: skip
    compose.add_argument("--prove", action="store_true",
                         help="find the best there is, or say how near it is; the rules are "
                         "compiled once for each key, which takes a while")  # fmt: skip
    compose.add_argument("--threads", type=_count, default=1, metavar="N",
                         help="search side by side on N cores; a seed then does not give the same "
                         "piece every time")  # fmt: skip
    compose.add_argument("--answers", type=_answers, metavar="N", help="how many, 1 to 99")
    compose.add_argument("--distance", type=_count, metavar="D",
                         help="in how many places any two answers differ at least, or a part "
                         "composed anew from before")  # fmt: skip
    compose.add_argument("--by", choices=("notes", "harmony", "rhythm"), help="what differs")
    compose.add_argument("--within", type=_percentage, metavar="P",
                         help="how much dearer than the best an answer may be")  # fmt: skip
    compose.add_argument("--from", type=Path, dest="source", metavar="PIECE",
                         help="a finished piece: only a part of it is composed anew")  # fmt: skip
    compose.add_argument("--redo", action="append", metavar="PART",
                         help="that part: bars (5-6), voices (tenor), both (5:alto,tenor); may be "
                         "repeated")  # fmt: skip
    compose.add_argument("--keep", action="append", metavar="PART",
                         help="or all but this part; may be repeated")  # fmt: skip
    compose.add_argument("--json", action="store_true", help="print what was done as JSON")
    compose.set_defaults(run=run["compose"])

    plan = commands.add_parser("plan", help="show the form, keys, cadences and harmony planned")
    plan.add_argument("spec", nargs="+", type=Path, help="specifications with a form")
    plan.add_argument("--out", type=Path, metavar="DIR", help="write it as text and as SVG too")
    plan.add_argument("--seed", type=_seed, metavar="N", help="in place of the specification's")
    plan.add_argument("--json", action="store_true", help="print it as JSON")
    plan.set_defaults(run=run["plan"])

    _batches(commands, run)

    check = commands.add_parser("check", help="say which rules a score breaks, and where")
    check.add_argument("file", nargs="+", type=Path, help="MusicXML, MIDI, ABC or Humdrum")
    check.add_argument("--part", type=_part, action="append", metavar="P",
                       help="only this part, by name or number; may be repeated")  # fmt: skip
    check.add_argument("--tune", type=_count, metavar="N", help="which tune of an ABC file")
    check.add_argument(
        "--style", default="chorale", help="a style's name (chorale), or your own FILE.lp"
    )
    check.add_argument("--key", help="such as 'G major'; estimated if left out")
    check.add_argument("--numerals", type=Path, metavar="FILE", help="chords, in RomanText")
    check.add_argument("--rules", type=Path, action="append", default=[], metavar="DIR",
                       help="a folder with rules of your own")  # fmt: skip
    check.add_argument("--out", type=Path, metavar="DIR", help="write the score with its faults")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.set_defaults(run=run["check"])

    study = commands.add_parser("study", help="count how often a body of music breaks each rule")
    study.add_argument("source", nargs="*", default=["bach"], help="bach, or files and folders")
    study.add_argument("--style", default="chorale", help="a name, or your own FILE.lp")
    study.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N")
    study.add_argument("--out", type=Path, metavar="FILE",
                       help="write the table as Markdown; with --fit, the style")  # fmt: skip
    instead = study.add_mutually_exclusive_group()
    instead.add_argument("--habits", type=Path, metavar="FILE", help="write a prior instead")
    instead.add_argument("--fit", action="store_true",
                         help="fit the style's weights to the music; a style file")  # fmt: skip
    instead.add_argument("--json", action="store_true", help="print the figures as JSON")
    study.set_defaults(run=run["study"])

    rules = commands.add_parser("rules", help="list the rules, or say what one is about")
    rules.add_argument("rule", nargs="?", help="a rule's name")
    rules.add_argument("--style", default="chorale")
    rules.add_argument("--test", type=Path, metavar="DIR", help="run your own rules' examples")
    rules.set_defaults(run=run["rules"])

    evaluate = commands.add_parser("evaluate", help="measure the networks, or a form")
    evaluate.add_argument("--structure", type=Path, nargs="+", metavar="PIECE.json",
                          help="say instead how far composed pieces have the form of their "
                          "plans, beside chains of their own beats")  # fmt: skip
    evaluate.add_argument("--quick", action="store_true", help="a few pieces instead of all")
    evaluate.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N")
    evaluate.add_argument("--out", type=Path, metavar="FILE",
                          help="where the page is written; it is printed if left out")  # fmt: skip
    evaluate.set_defaults(run=run["evaluate"])

    schema = commands.add_parser("schema", help="print the JSON Schema of specifications")
    schema.set_defaults(run=run["schema"])
    return parser


def _batches(commands: Commands, run: Mapping[str, Command]) -> None:
    """Add the commands for many pieces from one specification."""
    batch = commands.add_parser("batch", help="compose everything that a specification sweeps")
    batch.add_argument("spec", type=Path, help="YAML, JSON or TOML, with a key 'sweep'")
    batch.add_argument("--out", type=Path, metavar="DIR",
                       help="where files and manifest.jsonl are kept; what is whole there is not "
                       "composed again")  # fmt: skip
    batch.add_argument("--jobs", type=_count, metavar="N",
                       help="how many pieces at a time; all processors")  # fmt: skip
    batch.add_argument("--shard", type=_shard, metavar="K/N",
                       help="only every Nth piece, from the Kth on")  # fmt: skip
    batch.add_argument("--dask", type=_address, metavar="ADDRESS",
                       help="compose on the workers of a Dask scheduler, tcp://...")  # fmt: skip
    batch.add_argument("--retry", choices=("failed",), help="try again what came to nothing")
    batch.add_argument("--memory", type=_memory, metavar="GIB", help="at most, for each worker")
    batch.add_argument("--dry-run", action="store_true",
                       help="tell how many pieces, how long they take, how large")  # fmt: skip
    batch.add_argument("--json", action="store_true", help="tell of every piece as a line of JSON")
    batch.set_defaults(run=run["batch"])

    report = commands.add_parser("report", help="show a batch: a page to look at, and a table")
    report.add_argument("folder", type=Path, help="what 'batch' wrote")
    report.add_argument("--out", type=Path, metavar="DIR", help="where to write; that folder")
    report.add_argument("--pieces", type=_count, default=200, metavar="N",
                        help="how many first lines are engraved (200)")  # fmt: skip
    report.add_argument("--corpus", default="bach", metavar="SOURCE",
                        help="what may have been copied from: bach, a folder of scores, or "
                        "none")  # fmt: skip
    report.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N")
    report.set_defaults(run=run["report"])

    export = commands.add_parser("export", help="make a data set of a batch")
    export.add_argument("folder", type=Path, help="what 'batch' wrote")
    export.add_argument("--format", choices=("jsonl", "midi", "parquet"), default="jsonl")
    export.add_argument("--out", type=Path, metavar="DIR", help="where to write; within the folder")
    export.add_argument("--splits", type=_splits, metavar="P/P/P",
                        help="per cent for training, validation, test (80/10/10)")  # fmt: skip
    export.set_defaults(run=run["export"])


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}': expected such as 2/8, the second of eight")
    return int(found[1]), int(found[2])


def _address(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("expected an address such as tcp://10.0.0.1:8786")
    return text


def _memory(text: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text) or float(text) < 0.25:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of GiB from 0.25")
    return float(text)


def _splits(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,3}/\d{1,3}/\d{1,3}", text) or sum(map(int, text.split("/"))) != 100:
        raise argparse.ArgumentTypeError(f"'{text}': expected such as 80/10/10, 100 in all")
    return tuple(map(int, text.split("/")))


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"'{name}': expected some of {', '.join(FORMATS)}")
    return names


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"'{text}': expected a whole number from 0 to 2147483647")
    return int(text)


def _part(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 9999:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number from 1")
    return int(text)


def _conflicts(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of conflicts from 1")
    return int(text)


def _answers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number from 1 to 99")
    return int(text)


def _percentage(text: str) -> str:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})? ?%", text):
        raise argparse.ArgumentTypeError(f"'{text}': expected a percentage such as 5%")
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of seconds above 0")
    return value
