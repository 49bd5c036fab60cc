"""The yardsticks of the networks: tables, ranks, and figures beside Bach's own."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from cspcomposer.solver import Solver
from neural_priors import codes, metrics, prepare, ranking, settings
from neural_priors.frames import chord_names, frames, home
from neural_priors.tables import Backoff, Tables

NAME = "bach/bwv66.6.mxl"


def test_chances_add_up_and_rare_contexts_borrow_from_shorter_ones() -> None:
    table = Backoff(4)
    for value in (0, 0, 0, 1):
        table.add((7, 5), value)
    table.add((7, 6), 2)
    for context in ((), (7,), (7, 5), (7, 6), (8, 1)):
        assert table.chances(context).sum() == pytest.approx(1)
    known, rare, new = (table.chances(c) for c in ((7, 5), (7, 6), (8, 1)))
    assert known[0] > known[1] > known[3]
    assert rare[2] > known[2] and rare[0] > rare[3]
    np.testing.assert_allclose(new, table.chances(()))


def test_a_witten_bell_chance_is_what_the_formula_says() -> None:
    table = Backoff(2)
    table.add((), 0)
    # One kind seen once: half from the count, half from the uniform guess.
    np.testing.assert_allclose(table.chances(()), [0.75, 0.25])


def test_the_chances_of_all_voicings_add_up() -> None:
    piece = codes.coded(frames(prepare.score(NAME), home(prepare.score(NAME))))
    table = Tables([piece]).voicings(piece, 5)
    assert np.exp(table).sum() == pytest.approx(1)


def test_tables_are_less_surprised_by_what_they_have_seen() -> None:
    names = chord_names()
    one, other = (codes.coded(prepare._piece(n, names).frames) for n in (NAME, "bach/bwv104.6.mxl"))
    tables = Tables([one])
    assert tables.surprise(one).sum() / one.voices.shape[1] < 2
    assert tables.surprise(other).sum() / other.voices.shape[1] > 5


def test_two_bodies_without_a_common_chord_pair_are_a_bit_apart() -> None:
    assert metrics.distance(Counter("aab"), Counter("aab")) == 0
    assert metrics.distance(Counter("aab"), Counter("cd")) == pytest.approx(1)


def test_what_the_rules_list_has_no_parallels_and_holds_bachs_own() -> None:
    bach = prepare.score(NAME)
    seen = frames(bach, home(bach))
    before, here = 4, 5
    with Solver() as solver:
        legal = ranking._legal(solver, bach, seen.times[before], seen.times[here])
    past = (seen.pitches[:, before] - seen.shift).tolist()
    now = (seen.pitches[:, here] - seen.shift).tolist()
    assert tuple(now[1:]) in legal
    assert len(legal) > 100
    for voicing in legal:
        heights = [now[0], *voicing]
        for v, w in combinations(range(4), 2):
            ways = [heights[i] - past[i] for i in (v, w)]
            if ways[0] * ways[1] > 0:
                first, second = abs(past[v] - past[w]) % 12, abs(heights[v] - heights[w]) % 12
                assert not (first == second and first in (0, 7)), voicing


def test_bach_is_like_himself() -> None:
    found = settings.own(NAME).judged
    assert found is not None
    assert found.same == found.columns
    assert found.cadences[0] == found.cadences[1] > 0
    figures = metrics.total([found], found.bigrams, [found])
    assert figures["notes as Bach's"] == 1
    assert figures["chord pairs, distance in bits"] == 0
    assert figures["soft rules, distance from Bach"] == 0


def test_what_is_drawn_keeps_bachs_soprano_and_breaks_rules() -> None:
    drawn = settings.drawn(NAME, model="chorale").judged
    assert drawn is not None
    assert sum(drawn.same) < sum(drawn.columns)
    assert drawn.parallels + drawn.heard > 0


@pytest.mark.slow
def test_what_is_composed_has_no_hard_fault_and_resembles_bach() -> None:
    composed = settings.setting(NAME, model="chorale", temperature=0.0).judged
    assert composed is not None
    assert composed.hard == composed.parallels == 0
    assert sum(composed.same) > 0.25 * sum(composed.columns)
