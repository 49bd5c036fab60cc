"""A batch killed again and again becomes what it would have been undisturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from batching import command, contents, environment, lines, ran, told, written

KILLS = 5
PIECES = 200


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.slow
def test_two_hundred_pieces_killed_five_times_are_as_if_undisturbed(tmp_path: Path) -> None:
    spec = written(tmp_path, "{matrix: {key: [C major, E minor, G major, D minor]}, seeds: 50}")
    chance = random.Random(6)
    killed = tmp_path / "killed"
    for number in range(KILLS):
        process = subprocess.Popen(
            command(spec, killed, "--jobs", "2"), env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wanted = len(lines(killed / "manifest.jsonl")) + chance.randrange(8, 40)
        until = time.monotonic() + 60
        while len(lines(killed / "manifest.jsonl")) < wanted:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        time.sleep(chance.random() / 2)
        victims = [process.pid, *(children(process.pid) if number % 2 else [])]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        process.wait()
    assert 0 < len(lines(killed / "manifest.jsonl")) < PIECES
    assert ran(spec, killed, "--jobs", "2").returncode == 0
    quiet = tmp_path / "quiet"
    assert ran(spec, quiet, "--jobs", "2").returncode == 0
    assert told(killed / "manifest.jsonl") == told(quiet / "manifest.jsonl")
    assert contents(killed) == contents(quiet)
    assert len(lines(quiet / "manifest.jsonl")) == PIECES
