"""A batch that goes on after a change becomes what it would have been from the start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from batching import Canned, again, contents, fresh, job, lines, told, written

from cspcomposer import batch_asked, batch_lines, batch_run
from cspcomposer.batch_manifest import Manifest
from cspcomposer.batch_piece import Made
from cspcomposer.batch_result import Result
from cspcomposer.errors import BadInput
from cspcomposer.files import write_atomically

APART = "{matrix: {tempo: [60, 90]}, seeds: 2, distinct: {notes: 0.02}}"
NEAR = [False, False, True, True]
GOOD = [(seed, "feasible") for seed in (1, 2, 3, 4)]


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
        if name.endswith(".mid"):
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
def canned(apart: Path) -> Made:
    """A piece that can be handed over for any other."""
    _, asked = job(0, apart / "tiny.yaml")
    line = lines(apart / "out" / "manifest.jsonl")[0]
    return Made(asked, line, {Path(n).suffix: (apart / "out" / n).read_bytes()
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


def test_a_piece_that_turns_out_to_be_another_is_not_waited_for(runs: Runs) -> None:
    written(runs._folder, "{matrix: {key: [G, C]}, include: [{tempo: 72}]}")
    missing: list[None] = []
    order = batch_asked.asked(runs._folder / "tiny.yaml", out=runs._folder / "out", jobs=1)
    runs._patch.setattr(batch_run._Run, "_begun", lambda _: Canned(runs._canned))
    found = list(batch_run.run(order, twice=lambda: missing.append(None)))
    assert len(found) == 2 and len(order) - len(missing) == 2
