"""Which arguments of a fact about a piece are times; what is not named here speaks of none."""

from __future__ import annotations

from collections.abc import Mapping

TIMES: Mapping[str, tuple[int, ...]] = {
    "onset": (0,), "next": (0, 1), "key": (0,), "slot": (0,), "next_slot": (0, 1), "attack": (1,),
    "leads": (1, 2), "pitch": (1,), "given": (1,), "free": (1,), "held": (1,), "excused": (1,),
    "wanted_cadence": (0,), "given_harmony": (0,), "given_inversion": (0,), "figured": (0,),
    "given_figure": (0,), "phrase": (0, 1, 2),
    # What a prior charges for.
    "considered": (0,), "priced": (0,), "preferred_harmony": (0,), "preferred_move": (0,),
    "preferred_pitch": (1,), "preferred_place": (1,), "preferred_member": (1,),
    # What a plan asks for.
    "key_turns": (0,), "wanted_function": (0,), "climax_starts": (0,), "in_climax": (0,),
    "takes_up": (0, 1, 2, 3), "recalls": (0, 1, 2, 3),
}  # fmt: skip
