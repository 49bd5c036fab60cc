"""A batch runs to its end, is found again, and loses nothing."""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batching import (
    TINY,
    Canned,
    again,
    command,
    contents,
    environment,
    fresh,
    job,
    lines,
    ran,
    told,
    written,
)  # fmt: skip
from composing import ROOT, sung

import cspcomposer
from cspcomposer import batch_lines, batch_run, batch_sweep, cli, compose, specfile
from cspcomposer.batch_piece import Bench, Job, Made, Order
from cspcomposer.batch_pool import Pool
from cspcomposer.errors import BadInput
from cspcomposer.files import named, write_atomically
from cspcomposer.solver import Solver

SWEEP = "{matrix: {key: [C major, E minor]}, seeds: 2}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a specification and the batch that came of it."""
    folder = tmp_path_factory.mktemp("batch")
    done = ran(written(folder, SWEEP), folder / "out", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that one may spoil."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_manifest_has_a_line_for_every_piece_and_tells_all(finished: Path) -> None:
    found = lines(finished / "out" / "manifest.jsonl")
    assert [line["inputs"] for line in found] == [
        {"key": key, "seed": seed} for key in ("C major", "E minor") for seed in (1, 2)
    ]
    for line in found:
        assert line["status"] in ("optimal", "feasible")
        assert len(line["cost"]) == len(line["bound"]) == 2
        assert line["seconds"]["total"] > 0 and line["seed"] in (1, 2)
        assert {"clingo", "cspcomposer"} <= set(line["versions"])
        assert set(line["sha256"]) == {"spec", "rules"}
        assert {Path(name).suffix for name in line["files"]} == {".musicxml", ".mid", ".json"}


def test_a_second_run_finds_everything_and_composes_nothing(folder: Path) -> None:
    before = contents(folder)
    results, said = again(folder)
    assert fresh(results) == [] and len(results) == 4 and said == []
    assert contents(folder) == before


def test_a_torn_line_a_short_file_and_a_lost_one_are_noticed_and_made_again(
    folder: Path, finished: Path
) -> None:
    manifest = folder / "out" / "manifest.jsonl"
    found = lines(manifest)
    short, lost = (folder / "out" / next(iter(line["files"])) for line in found[1:3])
    write_atomically(short, short.read_bytes()[:-7])
    lost.unlink()
    manifest.write_bytes(manifest.read_bytes()[:-40])
    results, said = again(folder)
    assert fresh(results) == [1, 2, 3]
    assert said[0] == "manifest.jsonl: 1 line is torn, and passed over."
    assert any(f"{short.name} is not as it was written" in sentence for sentence in said)
    assert any(f"{lost.name} is missing" in sentence for sentence in said)
    assert told(manifest) == told(finished / "out" / "manifest.jsonl")
    assert contents(folder) == contents(finished)


def test_every_piece_is_told_of_where_an_early_one_alone_is_composed_again(folder: Path) -> None:
    first = lines(folder / "out" / "manifest.jsonl")[0]
    (folder / "out" / next(iter(first["files"]))).unlink()
    results, _ = again(folder)
    assert [result.index for result in results] == [0, 1, 2, 3] and fresh(results) == [0]


def test_what_was_made_before_is_kept_when_the_batch_grows_and_set_aside_when_it_shrinks(
    folder: Path,
) -> None:
    written(folder, "{matrix: {key: [E minor, G major]}, seeds: 2}")
    results, _ = again(folder)
    assert fresh(results) == [2, 3]
    kept = lines(folder / "out" / "manifest.jsonl")
    assert [line["inputs"]["key"] for line in kept] == ["E minor"] * 2 + ["G major"] * 2
    aside = lines(folder / "out" / "earlier.jsonl")
    assert [line["inputs"]["key"] for line in aside] == ["C major"] * 2
    written(folder, SWEEP)
    results, _ = again(folder)
    assert fresh(results) == []


@pytest.mark.slow
def test_a_changed_rule_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "my_rules", tmp_path / "mine")
    written(tmp_path, "{seeds: 1}", "rule_folders: [mine]\n")
    results, _ = again(tmp_path)
    assert fresh(results) == [0]
    assert fresh(again(tmp_path)[0]) == []
    rule = tmp_path / "mine" / "close_by_leap.lp"
    rule.write_text(rule.read_text().replace("(close_by_leap, hard)", "(close_by_leap, strong)"))
    assert fresh(again(tmp_path)[0]) == [0]


def test_a_batch_composes_what_compose_does_whatever_came_before(finished: Path) -> None:
    plan = batch_sweep.read(finished / "tiny.yaml")
    for piece, line in zip(plan.pieces(), lines(finished / "out" / "manifest.jsonl"), strict=True):
        alone = compose.compose(plan.loaded(piece), seed=piece.seed)
        name = next(n for n in line["files"] if n.endswith(".json"))
        (result,) = (r for r in again(finished)[0] if r.id == line["id"])
        assert result.score and sung(result.score) == sung(alone.score)
        assert json.loads((finished / "out" / name).read_text())["cost"] == list(alone.cost)


def test_what_comes_to_nothing_is_a_line_with_its_reason_and_can_be_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = TINY.replace("bars: 1", "phrases: [{bars: 1, cadence: authentic}]")
    spec = written(tmp_path, "{matrix: {given.bass: ['g2 c2', 'a2 a2']}}", base=base)
    out = tmp_path / "out"
    assert cli.main(["batch", str(spec), "--out", str(out), "--jobs", "1"]) == 1
    captured = capsys.readouterr()
    good, bad = lines(out / "manifest.jsonl")
    assert good["status"] in ("optimal", "feasible")
    assert bad["status"] == "no solution" and bad["reason"].startswith("tiny.yaml: there is")
    assert bad["files"] == {}
    assert "1 composed, 1 no solution" in captured.out
    assert "piece 2 (given.bass a2 a2): no solution: tiny.yaml: there is" in captured.err
    results, _ = again(tmp_path)
    assert fresh(results) == [] and results[1].score is None
    (out / next(iter(good["files"]))).unlink()
    assert cli.main(["batch", str(spec), "--out", str(out), "--jobs", "1"]) == 1
    assert "1 composed, 1 no solution (1 of them earlier)" in capsys.readouterr().out
    foresee = ["batch", str(spec), "--out", str(out), "--jobs", "1", "--dry-run"]
    assert cli.main(foresee) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[3:] == [f"1 of them is in {out} already and 1 came to nothing earlier.",
                        "Nothing is left to compose."]  # fmt: skip
    assert cli.main([*foresee, "--retry", "failed"]) == 0
    assert "came to nothing" not in capsys.readouterr().out
    assert fresh(again(tmp_path, retry=True)[0]) == [1]


@pytest.mark.slow
def test_shards_share_the_work_and_a_folder(tmp_path: Path, finished: Path) -> None:
    written(tmp_path, SWEEP)
    first, _ = again(tmp_path, shard=(1, 2))
    second, _ = again(tmp_path, shard=(2, 2))
    assert [fresh(first), fresh(second)] == [[0, 2], [1, 3]]
    results, _ = again(tmp_path)
    assert fresh(results) == []
    assert contents(tmp_path) == contents(finished)


def test_without_a_folder_pieces_are_handed_over_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = {
        "bars": 1, "surface": "none", "voices": 2, "prior": "none", "harmonic_rhythm": "half",
        "effort": {"conflicts": 60}, "outputs": ["musicxml"], "sweep": {"seeds": 2},
    }  # fmt: skip
    results = list(cspcomposer.batch(spec, jobs=1))
    assert [result.seed for result in results] == [1, 2]
    assert all(result.score and result.score.voices[0].notes for result in results)
    assert all(set(result.contents) == {".musicxml", ".json"} for result in results)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_says_too_little_is_torn(folder: Path) -> None:
    manifest = folder / "out" / "manifest.jsonl"
    with manifest.open("a") as file:
        file.write('{"id":"x","status":"feasible","inputs":{}}\n')
    assert len(list(batch_lines.lines(folder / "out"))) == 4
    assert again(folder)[1] == ["manifest.jsonl: 1 line is torn, and passed over."]
    assert len(lines(manifest)) == 4


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"shard": "1/2"}, "shard '1/2': expected such as (2, 8)"),
        ({"shard": (3, 2)}, "shard (3, 2): expected such as (2, 8)"),
        ({"memory": float("nan")}, "nan GiB for each worker: expected a number"),
        ({"memory": float("inf")}, "inf GiB for each worker: expected a number"),
        ({"out": __file__}, "this is a file: the pieces of a batch go into a folder."),
    ],
)
def test_a_wrong_argument_gets_a_plain_sentence(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        list(cspcomposer.batch({"bars": 1, "sweep": {"seeds": 2}}, **asked))


def test_a_disk_that_refuses_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, named(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a") and caught.value.errno == errno.ENOSPC


def test_importing_the_package_stays_quick() -> None:
    text = "import cspcomposer, sys; print([m for m in sys.modules if m in %r])"
    heavy = ("clingo", "numpy", "music21", "pydantic", "cspcomposer.batch_run", "constraint")
    done = subprocess.run(
        [sys.executable, "-c", text % (heavy,)], capture_output=True, text=True, check=True,
        env=environment(),
    )  # fmt: skip
    assert done.stdout.strip() == "[]" and callable(cspcomposer.batch)


def test_a_dry_run_tells_how_many_how_long_and_how_large(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = written(tmp_path, "{matrix: {key: [C major, E minor, G major]}, seeds: 40}")
    assert cli.main(["batch", str(spec), "--dry-run", "--jobs", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "tiny.yaml: 120 pieces (key 3, seed 40)."
    assert said[1] == "  1: key C major, seed 1" and said[6] == "  and 115 more."
    assert said[7].startswith("About ") and "the 2 pieces composed to see took" in said[7]
    assert list(tmp_path.iterdir()) == [spec]


def test_a_style_that_there_is_not_is_told_before_anything_is_composed_and_where(
    tmp_path: Path,
) -> None:
    spec = written(tmp_path, "{matrix: {style: [chorale, nosuch]}}")
    with pytest.raises(BadInput, match=r"tiny\.yaml:10:35: style: there is no style 'nosuch'\."):
        cspcomposer.batch(spec)


def test_a_dry_run_says_why_nothing_came_of_what_it_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = "phrases: [{bars: 3, cadence: authentic}]\nprior: none\neffort: {conflicts: 1}\n"
    spec = written(tmp_path, "{matrix: {seed: [4, 5]}}", base=base)
    assert cli.main(["batch", str(spec), "--dry-run", "--jobs", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "tiny.yaml: 2 pieces (seed 2)."
    assert re.fullmatch(
        r"How long it takes is not known: what was tried came to nothing, the first so: tiny\."
        r"yaml: nothing was found in [\d.]+ seconds\. Allow more under effort in the "
        r"specification, or give less\.", said[-1],
    )  # fmt: skip


def test_a_dry_run_of_one_piece_tries_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["batch", str(written(tmp_path, "{seeds: 1}")), "--dry-run"]) == 0
    assert "the 1 piece composed to see took" in capsys.readouterr().out


def test_a_dry_run_of_a_shard_shows_its_own_pieces(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A piece whose files are lost is not there.
    next(iter((folder / "out" / "pieces").rglob("*.mid"))).unlink()
    asked = ["batch", str(folder / "tiny.yaml"), "--out", str(folder / "out"), "--dry-run"]
    there = 0
    for number in (1, 2):
        assert cli.main([*asked, "--shard", f"{number}/2"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(
            f"tiny.yaml: 2 pieces, shard {number} of 2 of 4 (key 2, seed 2).\n"
            f"  1: key C major, seed {number}\n  2: key E minor, seed {number}\n"
        )
        assert "more." not in said
        there += int(said.splitlines()[3].partition(" of them ")[0])
    assert there == 3


def test_an_empty_address_is_no_address(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["batch", str(finished / "tiny.yaml"), "--dry-run", "--dask", ""])
    assert caught.value.code == 2
    assert "expected an address such as tcp://10.0.0.1:8786" in capsys.readouterr().err


def test_events_are_lines_of_json(folder: Path) -> None:
    shutil.rmtree(folder / "out" / "pieces")
    done = ran(folder / "tiny.yaml", folder / "out", "--json", "--jobs", "1")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("piece") == 4
    assert kinds.count("note") == 4  # every piece has lost its files
    last = [event for event in events if event["event"] == "piece"][-1]
    assert last["done"] == last["pieces"] == 4 and last["a_minute"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_ends_cleanly_and_goes_on_later(
    tmp_path: Path, sign: signal.Signals
) -> None:
    spec = written(tmp_path, "{seeds: 30}")
    process = subprocess.Popen(
        command(spec, tmp_path / "out", "--jobs", "1"), env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Whoever runs the tests in the background has interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    manifest = tmp_path / "out" / "manifest.jsonl"
    until = time.monotonic() + 60
    while len(lines(manifest)) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(sign)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in said and "goes on from here" in said and "Traceback" not in said
    there = len(lines(manifest))
    assert 2 <= there < 30
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.endswith(".begun")]
    for result, _ in zip(
        cspcomposer.batch(spec, out=tmp_path / "out", jobs=1), range(there), strict=False
    ):
        assert result.done_before


def test_rules_that_change_while_a_batch_runs_are_noticed(tmp_path: Path) -> None:
    order, asked = job(0, written(tmp_path, "{seeds: 1}"))
    bench = Bench()
    made = bench.made(order, replace(asked, sha256={**asked.sha256, "rules": "others"}))
    assert made.line["status"] == "failed" and not made.files
    assert made.line["reason"].startswith("the rule files were changed while the batch ran.")


def test_a_worker_with_other_programs_or_other_files_composes_nothing(tmp_path: Path) -> None:
    order, asked = job(0, written(tmp_path, "{seeds: 1}"))
    bench = Bench()
    made = bench.made(order, replace(asked, versions={**asked.versions, "clingo": "4.0"}))
    assert re.fullmatch(r"this worker has clingo [\d.]+, not 4.0.", made.line["reason"])
    tune = tmp_path / "tune.abc"
    tune.write_text("X:1\nM:4/4\nL:1/4\nK:C\nc d e c|\n")
    more = TINY.replace("bars: 1", "given: {soprano: {file: tune.abc}}")
    order, asked = job(0, written(tmp_path, "{seeds: 1}", base=more))
    tune.write_text("X:1\nM:4/4\nL:1/4\nK:C\nc e e c|\n")
    made = bench.made(order, asked)
    assert made.line["reason"] == (
        "the files under 'given' are not those that the batch began with. Start it again, with "
        "--retry failed."
    )
    assert not made.files


class Wounded(Pool):
    """A pool whose workers are killed when they are given a job, so many times."""

    wounds = 1

    def _hand_out(self, job: Job) -> None:
        super()._hand_out(job)
        if self.wounds:
            self.wounds -= 1
            for worker in self._workers:
                os.kill(worker.process.pid, signal.SIGKILL)


def test_a_killed_worker_is_replaced_and_its_job_done_again(tmp_path: Path) -> None:
    order, asked = job(0, written(tmp_path, "{seeds: 1}"))
    pool = Wounded(order, 1)
    (made,) = pool.made(iter([asked]))
    pool.close()
    assert made.line["status"] in ("optimal", "feasible") and made.files


def solvers(monkeypatch: pytest.MonkeyPatch, wounds: int) -> list[int]:
    """Have the solving process killed so many times when it is used; return what processes were."""
    seen: list[int] = []
    grounded = Solver.ground

    def wounded(self: Solver, *words: Any, **more: Any) -> None:
        grounded(self, *words, **more)
        assert self._process
        if len(seen) < wounds and self._process.pid not in seen:
            os.kill(self._process.pid, signal.SIGKILL)
        seen.append(self._process.pid)

    monkeypatch.setattr(Solver, "ground", wounded)
    return seen


def test_a_solver_that_is_killed_is_replaced_and_its_piece_composed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(0, written(tmp_path, "{seeds: 1}"))
    processes = solvers(monkeypatch, 1)
    bench = Bench()
    made = bench.made(*asked)
    bench.close()
    assert made.line["status"] in ("optimal", "feasible") and made.files
    assert processes[0] not in processes[1:]


def test_a_piece_that_kills_two_solvers_is_given_up_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(0, written(tmp_path, "{seeds: 1}"))
    processes = solvers(monkeypatch, 2)
    bench = Bench()
    made = bench.made(*asked)
    bench.close()
    assert made.line["status"] == "failed" and not made.files and len(processes) == 2
    assert made.line["reason"].startswith("the solving process ended by itself (code -9).")


def test_a_job_that_kills_two_workers_is_given_up_with_a_reason(tmp_path: Path) -> None:
    order, asked = job(0, written(tmp_path, "{seeds: 1}"))
    pool = Wounded(order, 1)
    pool.wounds = 2
    (made,) = pool.made(iter([asked]))
    pool.close()
    assert made.line["status"] == "failed" and not made.files
    assert made.line["reason"] == "the worker was ended by SIGKILL, 2 times."


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="nobody says how much it takes")
def test_a_worker_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    order, asked = job(0, written(tmp_path, "{seeds: 1}", "bars: 8\n", base="prior: none\n"))
    pool = Pool(Order(order.source, order.path, 40 << 20), 1)
    (made,) = pool.made(iter([asked]))
    pool.close()
    assert made.line["status"] == "failed"
    # Either the worker is ended, or its solver has been refused some before.
    reason = made.line["reason"]
    assert "took more than 0.039 GiB of memory, 2 times" in reason or "out of memory" in reason


@pytest.mark.slow
def test_the_memory_of_the_caller_stays_flat_and_the_manifest_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    made = bench.made(*job(0, written(tmp_path, "{seeds: 1}")))
    bench.close()
    big = Made(made.job, made.line, {**made.files, ".svg": bytes(100_000)})
    monkeypatch.setattr(batch_run._Run, "_begun", lambda _: Canned(big))
    spec = written(tmp_path, "{seeds: 1000}")
    held: dict[int, int] = {}
    tracemalloc.start()
    for result in cspcomposer.batch(spec, out=tmp_path / "out"):
        if result.index in (200, 999):
            there = len(lines(tmp_path / "out" / "manifest.jsonl"))
            gc.collect()
            held[there] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # Files of 80 MB have gone by; Python's own table of names may have doubled meanwhile.
    assert held[1000] - held[201] < 3_000_000


def test_a_sweep_is_left_alone_by_compose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = written(tmp_path, "{seeds: 5}")
    assert cli.main(["compose", str(spec), "--out", str(tmp_path)]) == 0
    assert "'cspcomposer batch' composes everything that it sweeps" in capsys.readouterr().err
    assert specfile.load(spec).spec.sweep
