"""Who a piece is: a digest of all that its notes hang on. The same digest, the same files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspcomposer import brief, compose, priors
from cspcomposer.batch_plan import Piece, Plan
from cspcomposer.batch_values import Assignment
from cspcomposer.specfile import LoadedSpec
from cspcomposer.specfile_named import references

# Raised when the files of a piece change in form.
FORM = 1
LENGTH = 16


@dataclass(frozen=True)
class Identity:
    """What a piece hangs on, as digests.

    Attributes:
        id: Of all of it, shortened.
        sha256: Of its specification (seed not counted), of the rule files, of given files, of
            a form of one's own and of the network; the last three only where there are any.
        versions: Of the programs.
    """

    id: str
    sha256: Mapping[str, str]
    versions: Mapping[str, str]


def digest_of(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests_of_files(
    loaded: LoadedSpec, digest: Callable[[Path], str] = digest_of
) -> dict[str, str]:
    """Return the digests of given files and of a form of one's own, where there are any.

    Styles and rules of one's own are known by the digest of all rules.
    """
    given: dict[str, str] = {}
    found: dict[str, str] = {}
    for way, name, _ in references(loaded.spec):
        if way[0] == "given":
            given[str(way[1])] = digest(loaded.file(name))
        elif way[0] == "form":
            found["form"] = digest(loaded.file(name))
    if given:
        found["given"] = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    return found


class Register:
    """Tells who pieces are; reads each file once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._last: tuple[Assignment, dict[str, str]] | None = None
        self._rules: dict[Hashable, str] = {}
        self._ranges: set[Hashable] = set()
        self._files: dict[Path, str] = {}

    def identity(self, piece: Piece) -> Identity:
        """Return who a piece is.

        Raises:
            BadSpec: its values do not go together, or name what is not there.
            BadRules: a rule file or a style that cannot be used.
        """
        if self._last is None or self._last[0] != piece.assignment:
            self._last = piece.assignment, self.digests(self._plan.loaded(piece))
        digests = self._last[1]
        versions = compose.versions()
        whole: dict[str, Any] = {"form": FORM, "seed": piece.seed, "sha256": digests}
        text = json.dumps(whole | {"versions": versions}, sort_keys=True)
        return Identity(hashlib.sha256(text.encode()).hexdigest()[:LENGTH], digests, versions)

    def digests(self, loaded: LoadedSpec) -> dict[str, str]:
        """Return the digests of a specification and all that it refers to: errors as `identity`."""
        spec = loaded.spec
        key = (spec.style, tuple(spec.rules), spec.rule_folders)
        if key not in self._rules:
            self._rules[key] = compose.rules_sha256(brief.own_rules(loaded), spec.style)
        voices = (spec.style, spec.voices, tuple(spec.given))
        if voices not in self._ranges:
            brief.know_ranges(loaded)
            self._ranges.add(voices)
        found = {"spec": loaded.sha256, "rules": self._rules[key]}
        found |= digests_of_files(loaded, self._file)
        network = priors.network(spec.prior.model)
        return found | ({"network": network["sha256"]} if network else {})

    def _file(self, path: Path) -> str:
        if path not in self._files:
            self._files[path] = digest_of(path)
        return self._files[path]
