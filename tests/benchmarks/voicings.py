"""What there is to choose from: likely chords, or whole voicings that the network likes best.

`compose` offers clingo chords, and any notes that fit them. Here it is offered a few whole voicings
for each beat instead, listed by clingo under the hard rules and ranked by what the network and
habit charge. The same effort for each.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from cspcomposer import brief, candidates, facts, priors, specfile, stages
from cspcomposer.compose_setting import MARGINS, effort_of
from cspcomposer.facts_apart import nothing
from cspcomposer.facts_slice import Part, Slices, told
from cspcomposer.impasse import considered
from cspcomposer.posed import SHOWN, WANTED, Posed, pose, rules
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import Ending, search
from cspcomposer.solver import Answer, Solver, Source, Term

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TUNES = ("old_hundredth", "helft_mir")
COUNTS = (15, 25, 40)
_PITCH = re.compile(r"preferred_pitch\((\w+),(\d+),(\d+),(\d+)\)\.")
_MEMBER = re.compile(r"preferred_member\((\w+),(\d+),(\w+),(\d+)\)\.")
Voicing = tuple[str, tuple[tuple[str, int], ...]]


def table() -> Iterator[str]:
    """Yield a table of what is found among chords, and among so many voicings a beat."""
    yield "## Chords or voicings\n"
    yield "What clingo chooses from, all rules and the network on; the same conflicts for each. The"
    yield "cost: strong faults, then tenths of a nat. Chords need no listing.\n"
    yield "| tune | from | listing, s | search, s | first answer | best |"
    yield "|---|---|--:|--:|--:|--:|"
    for name in TUNES:
        asked = posed(name)
        likely = asked.chords(MARGINS[0])
        program = asked.program(["harmony", "voices", "given"], "enforce")
        yield f"| {name} | chords | | {_found(asked, program, asked.told(likely))} |"
        begin = time.perf_counter()
        ranked = dict(voicings(asked))
        listing = time.perf_counter() - begin
        program = asked.program(["settings", "given"], "enforce")
        for count in COUNTS:
            best = {slot: several[:count] for slot, several in ranked.items()}
            row = _found(asked, program, offered(asked, best))
            yield f"| {name} | {count} voicings a beat | {listing:.1f} | {row} |"


def posed(name: str) -> Posed:
    """Return what an example asks for."""
    loaded = specfile.load(EXAMPLES / f"{name}.yaml")
    plan = stages.outline(loaded, brief.given_scores(loaded))
    noise = priors.Noise(loaded.spec.seed, temperature=loaded.spec.prior.temperature)
    return pose(loaded, [], plan, noise, nothing)


def voicings(asked: Posed) -> Iterator[tuple[int, list[Voicing]]]:
    """Yield for each slot every voicing that the hard rules allow there, the best liked first."""
    program = rules(asked.loaded, asked.own)(
        ["harmony", "voices", "given"], "enforce", heeded=("hard",), priors=()
    )
    shown = {"pitch": 3, "harmony": 2, "member": 3}
    texts, slices = sliced(program, list(shown.items())), Slices(asked.given)
    near = candidates.considered(asked.options, asked.taste, MARGINS[1])
    by_pitch = {(v, int(t), int(p)): int(c) for v, t, p, c in _PITCH.findall(asked.notes)}
    by_member = {(v, int(t), m): int(c) for v, t, m, c in _MEMBER.findall(asked.notes)}
    slots = [*sorted(near), slices.onsets[-1] + 1]
    with Solver() as solver:
        for slot, end in pairwise(slots):
            facts_here = told(slices, Part(slot, slot, end))
            chords = Source("chords", considered(near, [slot]))
            solver.ground(
                [*texts, *facts_here, chords], options=["--models=0"],
                show=[f"{predicate}/{arity}" for predicate, arity in shown.items()],
            )  # fmt: skip
            found = []
            for answer in solver.solve(show=list(shown), answers=50_000):
                if isinstance(answer, Answer):
                    chord, notes, members = _read(answer.atoms, slot)
                    price = near[slot][chord]
                    price += sum(by_pitch.get((v, slot, p), 0) for v, p in notes)
                    price += sum(by_member.get((v, slot, m), 0) for v, m in members)
                    found.append((price, chord, notes))
            yield slot, [(chord, notes) for _, chord, notes in sorted(set(found))]


def _read(
    atoms: Sequence[Term], slot: int
) -> tuple[str, tuple[tuple[str, int], ...], list[tuple[str, str]]]:
    chord, notes, members = "", [], []
    for atom in atoms:
        said = atom.arguments
        if atom.name == "harmony" and said[0] == slot:
            chord = said[1]
        elif atom.name == "pitch" and said[1] == slot:
            notes.append((str(said[0]), said[2]))
        elif atom.name == "member" and said[1] == slot:
            members.append((str(said[0]), str(said[2])))
    return chord, tuple(sorted(notes)), members


def offered(asked: Posed, best: dict[int, list[Voicing]]) -> list[Source]:
    """Return what is told of the piece, with some voicings to choose from at each slot."""
    ticks = facts.clock(asked.plan).ticks
    free = {(name, ticks(time)) for name, slots in asked.plan.free.items() for time in slots}
    lines = []
    kept: dict[int, dict[str, int]] = {}
    for slot, several in best.items():
        kept[slot] = {chord: asked.options.prices[slot][chord] for chord, _ in several}
        for place, (chord, notes) in enumerate(several):
            lines.append(f'offered({slot},{place},"{chord}").')
            lines += [
                f"offered_pitch({slot},{place},{v},{p})." for v, p in notes if (v, slot) in free
            ]
            lines.append(f"#heuristic setting({slot},{place}). [{100 - place},true]")
    chords = candidates.stated(kept, asked.options, asked.taste)
    return [*asked.told(chords), Source("settings", "\n".join(lines))]


def _found(asked: Posed, program: Sequence[Source], texts: Sequence[Source]) -> str:
    effort = effort_of(asked.loaded, len(asked.plan.slots))
    first, best, seconds = "", "none", 0.0
    with Solver() as solver:
        for step in search(
            solver, [*sliced(program, list(WANTED.items())), *texts], show=SHOWN,
            decisions=partial(facts.decisions, asked.plan), effort=effort,
            seed=asked.loaded.spec.seed,
        ):  # fmt: skip
            if isinstance(step, Ending):
                seconds = step.seconds
            else:
                best = ", ".join(map(str, step.answer.cost))
                first = first or best
    return f"{seconds:.1f} | {first} | {best}"
