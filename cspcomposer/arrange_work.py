"""What the stages from a setting to a piece for players have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cspcomposer import rulebook, texture
from cspcomposer.facts import Outline
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import Effort
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import Spec
from cspcomposer.specfile import LoadedSpec
from cspcomposer.texture import Texture

LEAST = 1.0
# The folders of rules that a line obeys.
LINE_RULES = ("melody", "tune", "dissonance", "voices", "harmony")


@dataclass(frozen=True)
class Work:
    """What all stages need.

    Attributes:
        solver: Where to search.
        loaded: The specification.
        own: Rule files of the user's own.
        outline: What is filled in, and the setting.
        texture: The texture.
        seed: The seed.
        effort: How long all stages may search together, or None.
    """

    solver: Solver
    loaded: LoadedSpec
    own: tuple[Path, ...]
    outline: Outline
    texture: Texture
    seed: int
    effort: Effort | None = None

    def share(self, conflicts: int, part: float) -> Effort:
        """Return the effort of one stage: so many conflicts, or its part of the seconds."""
        seconds = self.effort.seconds if self.effort else None
        return Effort(conflicts, None if seconds is None else max(LEAST, part * seconds))

    @property
    def spec(self) -> Spec:
        """The specification itself."""
        return self.loaded.spec

    def textures(self) -> list[str]:
        """Return the textures of the piece, its own first."""
        plan = self.outline.plan
        named = [s.texture for s in plan.sections if s.texture] if plan else []
        return list(dict.fromkeys([self.texture.name, *named]))

    def texture_at(self, time: Fraction) -> str:
        """Return which texture holds at a time."""
        plan = self.outline.plan
        return (plan.texture_at(time) if plan else "") or self.texture.name

    def program(
        self, choose: Sequence[str], folders: Collection[str], likes: Sequence[str],
        policy: str = "enforce", *, single: Collection[str] = (),
    ) -> list[Source]:  # fmt: skip
        """Return theory, choices, a policy, and the rules of some folders and of the user's own.

        Args:
            choose: What is chosen.
            folders: Which folders of shipped rules hold.
            likes: Which priors hold.
            policy: What becomes of rules that are broken.
            single: Which shipped rules of other folders hold, by name.
        """
        texts = rulebook.program(
            choose, policy, style=self.spec.style, overrides=dict(self.spec.rules),
            folders=self.own, priors=likes,
        )  # fmt: skip
        return [text for text in texts if _heeded(Path(text.name), folders, single)]

    def rules(
        self, choose: Sequence[str], folders: Collection[str], likes: Sequence[str], policy: str,
        *, single: Collection[str] = (),
    ) -> list[Source]:  # fmt: skip
        """Return what of a program, and of the texture, has a say in notes: see `program`."""
        texts = self.program(choose, folders, likes, policy, single=single)
        return sliced([*texts, texture.source(self.texture.name)], [("pitch", 3), ("violation", 3)])

    def report(self) -> list[Source]:
        """Return what says which rules finished lines break by themselves."""
        return sliced(self.program(["given"], LINE_RULES, ("",), "report"), [("violation", 3)])


def _heeded(path: Path, folders: Collection[str], single: Collection[str]) -> bool:
    shipped = path.parent.parent == rulebook.folder() / "rules"
    return not shipped or path.parent.name in folders or path.stem in single


def label(name: str) -> str:
    """Return the name of a voice as it is read: "Upper fill"."""
    return name.replace("_", " ").capitalize()
