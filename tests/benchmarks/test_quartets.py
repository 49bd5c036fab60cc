"""The plans of real movements, and how plans are looked at a level deeper."""

from __future__ import annotations

import quartets

from cspcomposer import evaluate_structure


def test_a_minuet_by_mozart_returns_in_the_keys_that_were_read_in_it() -> None:
    movement = quartets.MOVEMENTS[0]
    score = quartets.quartet(movement.file)
    found = evaluate_structure.measured(score, quartets.plan(movement), movement.title)
    assert found.varied is not None and found.varied > 0.9
    assert found.contrast is not None and found.contrast < 0.5
    assert found.keys == (4, 4)


def test_a_plan_a_level_deeper_has_the_parts_of_its_parts() -> None:
    def section(name: str, like: str = "") -> dict[str, object]:
        return {"name": name, "label": name, "bars": "1-4", "like": like, "changes": []}

    whole = {
        "sections": [
            section("1"), section("1.1"), section("1.2"), section("1.2.1"), section("2"),
            section("3", "1"), section("3.1", "1.1"), section("3.2", "1.2"),
        ]
    }  # fmt: skip
    parts = [s for s in quartets.parted(whole)["sections"] if "." not in str(s["name"])]
    assert [(s["name"], s["like"]) for s in parts] == [
        ("1/1", ""), ("1/2", ""), ("2", ""), ("3/1", "1/1"), ("3/2", "1/2"),
    ]  # fmt: skip
