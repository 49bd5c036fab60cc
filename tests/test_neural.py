"""The networks: what they see, that lessons teach, and that both runtimes agree."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from composing import composed, hard, parallels, spec, sung

from cspcomposer import facts, specfile, stages
from cspcomposer.candidates import options
from cspcomposer.compose import as_data
from cspcomposer.errors import BadSpec
from cspcomposer.priors import Noise, melody, prior, taste
from neural_priors import codes, export, infer, model, prepare, scorer, sizes, train
from neural_priors.frames import REST, SIGNS, UNKNOWN, VOICES, chord_names, frames, home

WIDTHS = [(24, 8), (40, 12)]


@pytest.fixture(scope="module")
def piece() -> prepare.Piece:
    return prepare._piece("bach/bwv66.6.mxl", chord_names())


def test_a_piece_is_moved_to_c_major_or_a_minor(piece: prepare.Piece) -> None:
    assert piece.key == "F# minor"
    assert piece.frames.shift == 3
    assert piece.frames.pitches[:, 0].tolist() == [76, 67, 60, 60]
    assert piece.frames.pitches[:, -1].tolist() == [69, 64, 61, 57]


def test_columns_say_where_they_stand(piece: prepare.Piece) -> None:
    signs = dict(zip(SIGNS, piece.frames.signs, strict=True))
    assert signs["beat"][:5].tolist() == [3, 0, 1, 2, 3]  # a pick-up
    assert signs["to_end"][:5].tolist() == [3, 2, 1, 0, 3]
    assert signs["last"].sum() == 9 or signs["last"].sum() == len(
        prepare.score(piece.name).phrase_ends
    )


def test_what_is_open_is_unknown_and_what_rests_is_silent() -> None:
    score = prepare.score("bach/bwv66.6.mxl")
    whole = frames(score, home(score))
    some = frames(
        score, home(score), open_at={"alto": whole.times[3:5], "soprano": whole.times[:1]}
    )
    assert some.pitches[1].tolist()[2:6] == [
        whole.pitches[1, 2],
        UNKNOWN,
        UNKNOWN,
        whole.pitches[1, 5],
    ]
    assert some.later[0] == UNKNOWN and some.later[1] == whole.later[1]
    assert REST not in whole.pitches


def test_no_tune_is_on_both_sides_of_the_tune_split() -> None:
    where, tunes = prepare.parts("tunes"), prepare.tunes()
    sides: dict[int, set[str]] = {}
    for name, side in where.items():
        sides.setdefault(tunes[name], set()).add(side)
    assert all(len(found) == 1 for found in sides.values())
    sizes = [list(where.values()).count(part) for part in ("train", "valid", "test")]
    assert sizes == [264, 60, 83]


def test_canonical_pieces_that_teach_share_no_piece_with_those_that_examine() -> None:
    where = prepare.parts("canonical")
    sizes = [list(where.values()).count(part) for part in ("train", "valid", "test")]
    assert sizes == [235, 73, 76]


def test_the_surprise_of_a_chain_is_that_of_all_its_paths() -> None:
    torch.manual_seed(3)
    suits, moves = torch.randn(1, 4, 3), torch.randn(3, 3)
    seen = torch.tensor([[0, 2, 1, 1]])
    heard = torch.tensor([[True, False, True, True]])
    real = torch.ones(1, 4, dtype=torch.bool)

    def worth(path: tuple[int, ...]) -> float:
        own = sum(float(suits[0, t, s]) for t, s in enumerate(path))
        return own + sum(float(moves[a, b]) for a, b in itertools.pairwise(path))

    every = {p: np.exp(worth(p)) for p in itertools.product(range(3), repeat=4)}
    agreeing = sum(w for p, w in every.items() if (p[0], p[2], p[3]) == (0, 1, 1))
    nats = model.surprise(suits, moves, seen, heard, real)
    assert float(nats) == pytest.approx(-np.log(agreeing / sum(every.values())), abs=1e-4)


def test_a_piece_that_has_ended_surprises_no_more() -> None:
    torch.manual_seed(4)
    suits, moves = torch.randn(1, 5, 3), torch.randn(3, 3)
    seen = torch.tensor([[0, 2, 1, 0, 0]])
    heard = torch.ones(1, 5, dtype=torch.bool)
    real = torch.tensor([[True, True, True, False, False]])
    short = model.surprise(suits[:, :3], moves, seen[:, :3], heard[:, :3], real[:, :3])
    assert torch.allclose(model.surprise(suits, moves, seen, heard, real), short, atol=1e-5)


def test_the_scorer_never_looks_ahead(piece: prepare.Piece) -> None:
    torch.manual_seed(5)
    net = scorer.Scorer(scorer.Shape(width=16, notes=8)).eval()
    seen = codes.coded(piece.frames)
    changed = seen.voices.copy()
    changed[1:, 10:] = 3
    with torch.no_grad():
        both = [
            net(
                torch.tensor(v)[None],
                torch.tensor(seen.later)[None],
                torch.tensor(seen.signs)[None],
            )
            for v in (seen.voices, changed)
        ]
    for one, other in zip(*both, strict=True):
        assert torch.equal(one[0, :10], other[0, :10])
    assert not torch.allclose(both[0][0][0, 11], both[1][0][0, 11])


@pytest.mark.parametrize(("width", "notes"), WIDTHS)
def test_both_runtimes_agree(width: int, notes: int, piece: prepare.Piece, tmp_path: Path) -> None:
    torch.manual_seed(width)
    names = chord_names()
    usual = torch.randn(12 * len(names.qualities))
    factors = model.Factors(names, model.Shape(width=width, notes=notes), usual).eval()
    judge = scorer.Scorer(scorer.Shape(width=width, notes=notes)).eval()
    export.written(factors, judge, tmp_path, "canonical")
    seen = codes.coded(piece.frames)
    said = infer.suits(piece.frames, folder=tmp_path)
    inputs = [torch.tensor(x)[None] for x in (seen.voices, seen.later, seen.signs)]
    with torch.no_grad():
        ours = factors(*inputs)
        follows = factors.follows()
    # Weights rest in half precision: about three decimal digits.
    for one, other in [
        (said.chords, ours.chords[0]), (said.members, ours.members[0]),
        *zip(said.heights, (h[0] for h in ours.heights), strict=True),
        (said.follows, follows), (said.usual, usual),
    ]:  # fmt: skip
        np.testing.assert_allclose(one, other, atol=5e-3)
    nats = infer.surprise(piece.frames, folder=tmp_path).sum(0)
    batch = train.batch([(seen, codes.chord_codes(piece.chords, names))])
    unplanned = piece.frames.signs[7:8] * 0
    assert not unplanned.any()
    with torch.no_grad():
        table = judge(inputs[0], inputs[1], inputs[2])
    expected = [
        -float(t[0].gather(-1, inputs[0][0, v].clamp(max=codes.HEIGHTS[v])[:, None]).sum())
        for v, t in zip((3, 2, 1), table, strict=True)
    ]
    np.testing.assert_allclose(nats, expected, rtol=2e-3)
    assert batch.voices.shape[1] == len(VOICES)


@pytest.mark.parametrize("path", sorted(infer.FOLDER.glob("*.onnx")), ids=lambda p: p.name)
def test_a_shipped_network_is_small_and_names_its_split(path: Path) -> None:
    assert path.stat().st_size <= 500_000
    said = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert said["split"] == path.stem.partition("-")[2]


def test_the_shipped_network_knows_the_chords_that_the_rules_spell() -> None:
    names = chord_names()
    assert infer.chords_of("factors") == (names.members, names.qualities)


def test_lessons_teach() -> None:
    few = prepare.SPLITS[0]
    plan = train.Plan(2)
    found = train.score_net(few, plan, scorer.Shape(width=16, notes=8))
    assert found.history[1] < found.history[0]


def plan_of(text: str) -> facts.Outline:
    loaded = specfile.parse(text.encode(), Path("piece.yaml"))
    return stages.outline(loaded, {})


def test_costs_are_tenths_of_a_nat_from_nought_to_fifty() -> None:
    plan = plan_of("key: G major\nbars: 2\ngiven:\n  soprano: \"g'4 a' b' g' | a'4 b'8 a' g'2\"\n")
    network = prior("chorale", 1.0, plan)
    found = options(facts.facts(plan), style="chorale", priors=network.folders)
    tasted = taste(network, Noise(1, temperature=0), found)
    costs = [tasted.chords[slot, n] for slot, names in found.prices.items() for n in names]
    assert min(costs) >= 0
    assert max(costs) <= 100  # 50 for the network, and chance
    slots = sorted(found.prices)
    moves = network.moves((slots[0], slots[1]), ["I", "V"], ["I", "IV"])
    assert moves is not None and moves.min() == 0 and moves.max() <= 50


def test_the_network_hears_the_key_of_the_tune() -> None:
    plan = plan_of("key: G major\nbars: 2\ngiven:\n  soprano: \"g'4 a' b' g' | a'4 b'8 a' g'2\"\n")
    network = prior("chorale", 1.0, plan)
    end = facts.clock(plan).ticks(plan.slots[-1])
    assert network.harmony(end, "I") < 10
    assert min(network.harmony(end, n) for n in ("ii", "iii", "vi")) > 20


def test_half_the_weight_costs_half() -> None:
    plan = plan_of("key: G major\nbars: 1\ngiven:\n  soprano: \"g'4 a' b' g'\"\n")
    whole, half = (prior("chorale", w, plan) for w in (1.0, 0.5))
    for numeral in ("I", "IV", "V", "vi"):
        full = whole.harmony(0, numeral)
        if full < 50:
            assert abs(half.harmony(0, numeral) - full / 2) <= 0.51


TUNE = "key: G major\ngiven:\n  soprano: \"g'4 a' b' c'' | d''4 b' a'2 | b'4 c'' b' a' | g'1\"\n"


@pytest.mark.parametrize(
    "prior_text", ["none", "tables", "chorale", "{model: chorale, weight: 10}"]
)
def test_no_prior_breaks_a_hard_rule(prior_text: str) -> None:
    piece = composed(f"{TUNE}prior: {prior_text}\n")
    assert hard(piece) == []
    assert list(parallels(piece.score)) == []


def test_a_heavier_prior_moves_the_piece_towards_what_it_likes() -> None:
    """What the network charges for the harmonies falls when it counts for more."""
    plan = plan_of(TUNE)
    judge = prior("chorale", 1.0, plan)
    ticks = facts.clock(plan).ticks

    def charged(weight: float) -> int:
        text = f"{TUNE}surface: none\nprior: {{weight: {weight}, temperature: 0}}\n"
        chords = composed(text).score.chords
        at = {
            ticks(slot): [c.numeral for c in chords if c.onset <= slot][-1] for slot in plan.slots
        }
        return sum(judge.harmony(slot, numeral) for slot, numeral in at.items())

    assert charged(3.0) < charged(0.0)


def test_what_preferred_is_written_beside_the_piece() -> None:
    said = as_data(composed(f"{TUNE}prior: {{model: chorale, temperature: 0}}\n"))["prior"]
    assert said == {
        "model": "chorale", "weight": 1.0, "temperature": 0.0,
        "sha256": infer.digest("factors"),
    }  # fmt: skip


def test_another_seed_is_another_piece_and_the_same_seed_the_same() -> None:
    one, again, other = (
        composed(f"{TUNE}prior: {{temperature: 1}}\n", seed=s).score for s in (1, 1, 2)
    )
    assert sung(one) == sung(again)
    assert sung(one) != sung(other)


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with pytest.raises(BadSpec) as found:
        spec(f"{TUNE}prior: choral\n")
    assert "chorale" in str(found.value)


def test_coarse_and_thin_weights_stay_near() -> None:
    weight = torch.randn(32, 16, generator=torch.Generator().manual_seed(1))
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((sizes.quantised(weight, 8) - weight).abs() <= step / 2 + 1e-6).all()
    thin = sizes.pruned(weight, 0.5)
    assert int((thin == 0).sum()) == weight.numel() // 2
    assert weight[thin == 0].abs().max() <= thin[thin != 0].abs().min()


def test_a_smaller_network_takes_less() -> None:
    large, small = (scorer.Scorer(scorer.Shape(width=w)) for w in (48, 16))
    assert sizes.kilobytes(small, 16) < sizes.kilobytes(large, 16) < sizes.kilobytes(large, 32)


@pytest.mark.parametrize(
    ("temperature", "lively"), [(0.0, 0.0), (0.3, 0.9), (0.8, 1.0), (2.0, 2.0)]
)
def test_an_invented_tune_is_left_to_chance_more_than_its_harmony(
    temperature: float, lively: float
) -> None:
    plan = plan_of("key: G major\nbars: 1\n")
    slots = facts.free_slots(plan, "soprano")
    expected = Noise(5, temperature=lively).places("soprano", slots)
    assert melody(Noise(5, temperature=temperature), plan) == expected
    assert "preferred_place(soprano,0,6," in expected
