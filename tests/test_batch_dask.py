"""A batch on a Dask cluster: a worker that is killed takes nothing with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from batching import command, contents, environment, lines, ran, told, written
from composing import ROOT

import cspcomposer
from cspcomposer import batch_sweep
from cspcomposer.errors import BadInput

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
PIECES = 14


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def started(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words], env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def worker(address: str, place: Path) -> subprocess.Popen[bytes]:
    return started("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                   "--local-directory", str(place))  # fmt: skip


def ended(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def scheduler() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real scheduler."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    process = started("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    yield address, process
    ended(process)


@pytest.fixture
def cluster(
    scheduler: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A real scheduler and two workers, each a process of its own."""
    address, process = scheduler
    workers = [worker(address, tmp_path / f"worker{number}") for number in (1, 2)]
    yield address, [process, *workers]
    for one in workers:
        ended(one)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, (_, victim, _) = cluster
    # A rule file and a tune of one's own: the workers have neither.
    rules = tmp_path / "mine"
    rules.mkdir()
    shipped = ROOT / "examples" / "my_rules" / "close_by_leap.lp"
    (rules / shipped.name).write_text(shipped.read_text())
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc d e c|\n")
    more = "rule_folders: [mine]\ngiven: {soprano: {file: tune.abc}}\n"
    base = "surface: none\nvoices: 2\nprior: none\neffort: {conflicts: 60}\noutputs: [musicxml]\n"
    spec = written(tmp_path, f"{{seeds: {PIECES}}}", more, base=base)
    run = subprocess.Popen(
        command(spec, tmp_path / "out", "--dask", address, "--json"), env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    manifest = tmp_path / "out" / "manifest.jsonl"
    until = time.monotonic() + 90
    while len(lines(manifest)) < 5 and time.monotonic() < until:
        time.sleep(0.05)
    victim.kill()
    out, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    events = [json.loads(line) for line in out.splitlines()]
    seen = Counter(event["id"] for event in events if event["event"] == "piece")
    assert len(seen) == PIECES and set(seen.values()) == {1}
    assert ran(spec, tmp_path / "here", "--jobs", "2").returncode == 0
    assert told(manifest) == told(tmp_path / "here" / "manifest.jsonl")
    assert contents(tmp_path / "out") == contents(tmp_path / "here")


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_told_in_a_sentence_and_nothing_is_lost(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, (scheduler, *_) = cluster
    spec = written(tmp_path, "{seeds: 400}")
    run = subprocess.Popen(
        command(spec, tmp_path / "out", "--dask", address), env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    manifest = tmp_path / "out" / "manifest.jsonl"
    until = time.monotonic() + 90
    while not lines(manifest) and time.monotonic() < until:
        time.sleep(0.05)
    scheduler.kill()
    _, said = run.communicate(timeout=90)
    assert run.returncode == 2
    assert f"the scheduler at {address} is gone." in said and "Traceback" not in said
    assert all(line["status"] in ("optimal", "feasible") for line in lines(manifest))


@pytest.mark.slow
def test_workers_may_come_late_and_all_of_them_may_be_lost(
    scheduler: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    address, _ = scheduler
    spec, manifest = written(tmp_path, "{seeds: 12}"), tmp_path / "out" / "manifest.jsonl"
    with (tmp_path / "said").open("w+") as told_to:
        run = subprocess.Popen(
            command(spec, tmp_path / "out", "--dask", address), env=environment(),
            stdout=subprocess.DEVNULL, stderr=told_to,
        )  # fmt: skip

        def said() -> str:
            return (tmp_path / "said").read_text()

        def wait(met: Callable[[], bool]) -> None:
            until = time.monotonic() + 90
            while not met():
                assert run.poll() is None and time.monotonic() < until, said()
                time.sleep(0.05)

        wait(lambda: "is there yet: waiting for one." in said())
        first = worker(address, tmp_path / "one")
        wait(lambda: len(lines(manifest)) >= 2)
        ended(first)
        wait(lambda: said().count("is there yet: waiting for one.") == 2)
        second = worker(address, tmp_path / "other")
        assert run.wait(timeout=120) == 0, said()
        ended(second)
    assert [line["seed"] for line in lines(manifest)] == list(range(1, 13))
    assert all(line["status"] in ("optimal", "feasible") for line in lines(manifest))


@pytest.mark.parametrize("address", ["foo://x", "foo", "tcp://foo:bar"])
def test_an_address_of_no_kind_gets_a_plain_sentence_and_nothing_more(
    address: str, tmp_path: Path
) -> None:
    done = ran(written(tmp_path, "{seeds: 1}"), tmp_path / "out", "--dask", address)
    assert done.returncode == 2
    assert done.stderr.startswith(f"no scheduler at {address}: ") and done.stderr.count("\n") == 1


def test_a_form_of_ones_own_travels_with_its_piece(tmp_path: Path) -> None:
    from cspcomposer.batch_dask import bundled

    shipped = ROOT / "examples" / "my_forms" / "bar_form.lp"
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "bar_form.lp").write_text(shipped.read_text())
    spec = written(tmp_path, "{matrix: {form: [forms/bar_form.lp, ternary]}}", base="tempo: 80\n")
    order = bundled(batch_sweep.read(spec), 1 << 30)
    assert order.files == {"forms/bar_form.lp": shipped.read_bytes()}


def test_a_scheduler_that_is_not_there_gets_a_plain_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cspcomposer.batch_dask.SECONDS", 1)
    spec = written(tmp_path, "{seeds: 1}")
    with pytest.raises(BadInput, match=r"no scheduler at tcp://127.0.0.1:9"):
        list(cspcomposer.batch(spec, dask="tcp://127.0.0.1:9"))
