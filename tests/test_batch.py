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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batching import TINY, command, contents, environment, lines, ran, told, written
from composing import ROOT, sung

import cspcomposer
from cspcomposer import batch_asked, batch_lines, batch_run, batch_sweep, cli, compose, specfile
from cspcomposer.batch_identity import Register
from cspcomposer.batch_manifest import Manifest
from cspcomposer.batch_piece import Bench, Job, Made, Order, failed
from cspcomposer.batch_pool import Pool, T
from cspcomposer.batch_result import Result
from cspcomposer.errors import BadInput
from cspcomposer.files import named, write_atomically

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


def again(folder: Path, **asked: Any) -> tuple[list[Result], list[str]]:
    """What a second run says, result by result and in sentences."""
    said: list[str] = []
    found = cspcomposer.batch(
        folder / "tiny.yaml", out=folder / "out", jobs=1, tell=said.append, **asked
    )
    return list(found), said


def fresh(results: list[Result]) -> list[int]:
    return [result.index for result in results if not result.done_before]


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


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch with two pieces, and two that were refused: another tempo is no other music."""
    folder = tmp_path_factory.mktemp("apart")
    written(folder, APART)
    assert [result.status == "near copy" for result in again(folder)[0]] == NEAR
    return folder


@pytest.fixture
def spoilt(apart: Path, tmp_path: Path) -> Path:
    shutil.copytree(apart, tmp_path / "copy")
    return tmp_path / "copy"


APART = "{matrix: {tempo: [60, 90]}, seeds: 2, distinct: {notes: 0.02}}"
NEAR = [False, False, True, True]


def near(results: list[Result]) -> list[bool]:
    return [result.status == "near copy" for result in sorted(results, key=lambda r: r.index)]


def test_near_copies_are_refused_in_the_order_of_the_batch(apart: Path) -> None:
    results, _ = again(apart)
    assert near(results) == NEAR and fresh(results) == []
    assert results[2].reason == f"only 0.0% of its notes differ from those of {results[0].id}."
    assert results[2].files == ()


def test_a_damaged_piece_is_no_copy_of_itself(spoilt: Path, apart: Path) -> None:
    first = lines(spoilt / "out" / "manifest.jsonl")[0]
    for name in first["files"]:
        write_atomically(spoilt / "out" / name, (spoilt / "out" / name).read_bytes()[:20])
    results, _ = again(spoilt)
    assert near(results) == NEAR and fresh(results) == [0]
    assert contents(spoilt) == contents(apart)
    assert told(spoilt / "out" / "manifest.jsonl") == told(apart / "out" / "manifest.jsonl")


def test_pieces_are_judged_anew_under_another_distance(spoilt: Path, apart: Path) -> None:
    written(spoilt, APART.replace("0.02", "1"))
    results, _ = again(spoilt)
    # What was a copy of one that is refused now is composed, and is near to another one.
    assert near(results) == [False, True, True, True] and fresh(results) == [3]
    # Whose files are there needs not be composed again, should the distance be less once more.
    assert results[1].files
    written(spoilt, APART)
    results, _ = again(spoilt)
    assert near(results) == NEAR and fresh(results) == [3]
    assert told(spoilt / "out" / "manifest.jsonl") == told(apart / "out" / "manifest.jsonl")
    written(spoilt, "{matrix: {tempo: [60, 90]}, seeds: 2}")
    results, _ = again(spoilt)
    assert near(results) == [False] * 4 and fresh(results) == [2, 3]


def test_a_copy_of_what_is_no_part_of_the_batch_any_more_is_composed(spoilt: Path) -> None:
    written(spoilt, APART.replace("60, ", ""))
    results, _ = again(spoilt)
    assert near(results) == [False, False] and fresh(results) == [0, 1]


@pytest.mark.parametrize(
    ("here", "other", "message"),
    [
        (None, None, "another run is writing into this folder."),
        (None, (1, 2), "another run is writing into this folder."),
        ((1, 2), None, "another run is writing into this folder."),
        ((1, 2), (1, 2), "another run is writing this shard."),
        ((1, 2), (1, 3), "another run is writing into this folder, a shard of 2."),
    ],
)
def test_two_runs_do_not_compose_the_same_pieces(
    tmp_path: Path, here: tuple[int, int] | None, other: tuple[int, int] | None, message: str
) -> None:
    keeper = Manifest(tmp_path, shard=here)
    with pytest.raises(BadInput, match=message):
        Manifest(tmp_path, shard=other)
    keeper.close()
    Manifest(tmp_path, shard=other).close()


def test_two_shards_write_at_once(tmp_path: Path) -> None:
    keepers = [Manifest(tmp_path, shard=(number, 2)) for number in (1, 2)]
    for keeper in keepers:
        keeper.close()


@pytest.fixture(scope="module")
def canned(finished: Path) -> Made:
    """A piece that can be handed over for any other."""
    _, asked = job(0, finished / "tiny.yaml")
    line = lines(finished / "out" / "manifest.jsonl")[0]
    return Made(asked, line, {Path(n).suffix: (finished / "out" / n).read_bytes()
                              for n in line["files"]})  # fmt: skip


class Runs:
    """Runs over a folder that compose nothing."""

    def __init__(self, folder: Path, canned: Made, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._canned, self._patch = folder, canned, patch

    def __call__(
        self, sweep: str, shard: tuple[int, int] | None = None, fails: tuple[int, ...] = (),
        *, retry: bool = False,
    ) -> list[int]:  # fmt: skip
        """Return which pieces were composed."""
        self._patch.setattr(batch_run._Run, "_begun", lambda _: Canned(self._canned, fails))
        written(self._folder, sweep)
        return fresh(again(self._folder, shard=shard, retry=retry)[0])

    def there(self) -> list[tuple[Any, str]]:
        """Return seed and status of all that is current."""
        found = batch_lines.lines(self._folder / "out")
        return sorted((line["inputs"].get("seed", 0), line["status"]) for line in found)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "out").glob("*.jsonl"))


@pytest.fixture
def runs(tmp_path: Path, canned: Made, monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(tmp_path, canned, monkeypatch)


GOOD = [(seed, "feasible") for seed in (1, 2, 3, 4)]


def test_what_shards_made_of_another_batch_is_no_part_of_this_one(runs: Runs) -> None:
    assert [runs("{seeds: 5-8}", (1, 2)), runs("{seeds: 5-8}", (2, 2))] == [[0, 2], [1, 3]]
    assert runs("{seeds: 4}") == [0, 1, 2, 3]
    assert runs.there() == GOOD and runs.names() == ["earlier.jsonl", "manifest.jsonl"]
    # And the other way round.
    assert [runs("{seeds: 5-8}", (1, 2)), runs("{seeds: 5-8}", (2, 2))] == [[], []]
    assert [seed for seed, _ in runs.there()] == [5, 6, 7, 8]
    assert runs("{seeds: 5-8}", (2, 3)) == [] and len(runs.there()) == 4


def test_what_a_shard_tries_again_counts(runs: Runs) -> None:
    assert runs("{seeds: 4}", None, (1,)) == [0, 1, 2, 3]
    assert (2, "failed") in runs.there()
    assert runs("{seeds: 4}", (2, 2), retry=True) == [1]
    assert runs.there() == GOOD
    assert runs("{seeds: 4}") == [] and runs.there() == GOOD
    assert runs.names() == ["manifest.jsonl"]


def test_what_the_whole_batch_tries_again_counts_where_shards_were_there(runs: Runs) -> None:
    assert runs("{seeds: 4}", (2, 2), (1,)) == [1, 3]
    assert runs("{seeds: 4}", retry=True) == [0, 1, 2] and runs.there() == GOOD
    assert runs("{seeds: 4}", (1, 3)) == [] and runs.there() == GOOD


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


def test_a_piece_that_turns_out_to_be_another_is_not_waited_for(runs: Runs) -> None:
    written(runs._folder, "{matrix: {key: [G, C]}, include: [{tempo: 72}]}")
    missing: list[None] = []
    order = batch_asked.asked(runs._folder / "tiny.yaml", out=runs._folder / "out", jobs=1)
    runs._patch.setattr(batch_run._Run, "_begun", lambda _: Canned(runs._canned))
    found = list(batch_run.run(order, twice=lambda: missing.append(None)))
    assert len(found) == 2 and len(order) - len(missing) == 2


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
        there += int(said.splitlines()[3].partition(" of them are in ")[0])
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


def job(number: int, path: Path) -> tuple[Order, Job]:
    plan = batch_sweep.read(path)
    piece = list(plan.pieces())[number]
    who = Register(plan).identity(piece)
    order = Order(plan.document.source.encode(), str(path))
    return order, Job(who.id, number, piece.assignment, {}, piece.seed, who.sha256, who.versions)


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
    said = "the files under 'given' are not those that the batch began with. Start it again."
    assert made.line["reason"] == said and not made.files


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


class Canned:
    """Hands over one piece again and again, in no time."""

    def __init__(self, made: Made, fails: tuple[int, ...] = ()) -> None:
        self._made, self._fails = made, fails

    def made(self, jobs: Iterator[Job | T | None]) -> Iterator[Made | T]:
        for job in jobs:
            assert job
            if not isinstance(job, Job):
                yield job
                continue
            line = {**self._made.line, "id": job.id, "inputs": dict(job.inputs)}
            if job.index in self._fails:
                yield failed(job, "failed", "as it was to.")
            else:
                yield Made(job, line, dict(self._made.files))

    def close(self) -> None:
        """Nothing is open."""


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
