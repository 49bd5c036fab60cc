"""Rule files: where they are, and what they say of themselves.

A rule is one `.lp` file that derives `violation/3` and carries its title, message, advice, source
and severity as facts, and its examples as program parts. This module finds and reads such files;
it does not know what any rule means.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from clingo import ast

from cspcomposer import notation, solver
from cspcomposer.errors import BadRules, Fault
from cspcomposer.guard import guard
from cspcomposer.rulebook_slice import sliced
from cspcomposer.syntax import kind

PART = re.compile(r"^#program\s+(\w+)\s*\.", re.MULTILINE)
_INCLUDE = re.compile(r"^\s*#include\b", re.MULTILINE)
_PLACE = re.compile(r"^\S*?:(\d+):(\d+)")
SEVERITIES = ("hard", "strong", "mild", "hint", "off")


@dataclass(frozen=True)
class Rule:
    """What a rule file says of itself.

    Attributes:
        id: Its name, and its file's.
        stage: The folder that it is in ("voices", "harmony", ...).
        title: For headings ("Parallel fifths").
        message: One sentence with the names of the violation's terms in braces.
        advice: What to do about it.
        source: Where it is taught.
        severity: "hard", "strong", "mild", "hint" or "off", unless a style says otherwise.
        path: Its file.
    """

    id: str
    stage: str
    title: str
    message: str
    advice: str
    source: str
    severity: str
    path: Path


@cache
def folder() -> Path:
    """Return the folder of the shipped rules."""
    return Path(str(files("asp_rules") / "vocabulary.lp")).parent


def theory() -> list[Path]:
    """Return the vocabulary and the theory files, in a fixed order."""
    return [folder() / "vocabulary.lp", *sorted((folder() / "theory").glob("*.lp"))]


def severities(
    style: str,
    overrides: Mapping[str, str] = MappingProxyType({}),
    folders: Iterable[Path] = (),
) -> dict[str, str]:
    """Return each rule's severity in a style."""
    sources = program([], "report", style=style, overrides=overrides, folders=folders)
    return {rule: str(word) for rule, word in _told(tuple(sources), "effective").items()}


@cache
def ranges(style: str) -> Mapping[str, tuple[int, int]]:
    """Return the lowest and the highest pitch of each voice whose range a style states."""
    path = style_file(style)
    atoms, _ = solver.consequences([solver.Source(str(path), base_part(path))], show={"range": 5})
    out = {}
    for atom in atoms:
        voice, low, bottom, high, top = atom.arguments
        ends = [notation.pitch(str(n)) + 40 * (o - 3) for n, o in ((low, bottom), (high, top))]
        out[str(voice)] = (ends[0], ends[1])
    return out


def weights(style: str) -> dict[str, int]:
    """Return what a fault against each rule costs in a style where it is mild."""
    sources = program([], "report", style=style)
    return {rule: int(str(each)) for rule, each in _told(tuple(sources), "cost").items()}


@lru_cache(maxsize=32)
def _told(sources: tuple[solver.Source, ...], name: str) -> Mapping[str, object]:
    """Return what texts say of each rule; the same texts, asked for each piece, say the same."""
    kept = sliced(sources, [(name, 2)])
    atoms, _ = solver.consequences(kept, show={name: 2})
    return {str(a.arguments[0]): a.arguments[1] for a in atoms}


def rule_files(extra: Iterable[Path] = ()) -> list[Path]:
    """Return all rule files, the shipped ones first, then those of other folders."""
    found = sorted((folder() / "rules").rglob("*.lp"))
    for place in extra:
        found += sorted(place.rglob("*.lp")) if place.is_dir() else [place]
    return found


@cache
def of_stages(*stages: str) -> frozenset[str]:
    """Return the ids of the shipped rules of some stages, which are folders: "form", "melody"."""
    return frozenset(r.id for r in read(rule_files()) if r.stage in stages)


def styles() -> list[str]:
    """Return the names of the shipped styles."""
    return sorted(p.stem for p in (folder() / "styles").glob("*.lp"))


def near(name: str, names: Sequence[str]) -> str:
    """Return a hint at the name that was meant."""
    found = get_close_matches(name, names, 1)
    if found:
        return f"Did you mean '{found[0]}'?"
    return f"There are: {', '.join(names)}." if len(names) < 12 else ""


def style_file(style: str) -> Path:
    """Return the file of a style.

    Args:
        style: The name of a shipped style, or the path of one's own, which ends in .lp.

    Raises:
        BadRules: there is no such style, or it holds more than facts.
    """
    if style.endswith(".lp"):
        return _own_style(Path(style))
    if style not in styles():
        raise BadRules(Fault(f"there is no style '{style}'.", hint=near(style, styles())))
    return folder() / "styles" / f"{style}.lp"


@cache
def _own_style(path: Path) -> Path:
    guard(path)
    facts_only(path, "style")
    return path


def facts_only(path: Path, what_it_is: str) -> None:
    """Refuse a file that holds more than facts.

    Raises:
        BadRules: it does.
    """
    faults = [
        Fault(f"a {what} in a {what_it_is}: expected facts alone.", path, node.location.begin.line)
        for node in nodes(path)
        if (what := kind(node)) not in ("", "fact")
    ]
    if faults:
        raise BadRules(*faults)


def program(
    choose: Iterable[str],
    policy: str,
    *,
    style: str,
    overrides: Mapping[str, str] = MappingProxyType({}),
    folders: Iterable[Path] = (),
    heeded: Collection[str] = SEVERITIES,
    priors: Iterable[str] = ("",),
) -> list[solver.Source]:
    """Return the texts of a task: theory, what is free, the rules, a policy and a style.

    Args:
        choose: Names of files in `choose/`.
        policy: Name of a file in `policy/` ("enforce", "report", "relax").
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.
        heeded: Rules of other severities are left out.
        priors: The folders within `priors/` whose files say what is likely, where that counts;
            "" is that folder itself.
    """
    home = folder()
    rules = rule_files(folders)
    if set(heeded) != set(SEVERITIES):
        words = severities(style, overrides, folders)
        rules = [path for path in rules if words.get(path.stem) in heeded]
    paths = [
        *theory(),
        *(home / "choose" / f"{name}.lp" for name in choose),
        *(
            path
            for name in (priors if policy in ("enforce", "prefer") else ())
            for path in sorted((home / "priors" / name).glob("*.lp"))
        ),
        home / "policy" / "active.lp",
        home / "policy" / f"{policy}.lp",
        style_file(style),
        *rules,
    ]
    out = [solver.Source(str(path), base_part(path)) for path in paths]
    said = "\n".join(f"override({rule},{word})." for rule, word in sorted(overrides.items()))
    return [*out, solver.Source("overrides", said)]


def policy(name: str) -> solver.Source:
    """Return the text of a file in `policy/` that is said besides another."""
    path = folder() / "policy" / f"{name}.lp"
    return solver.Source(str(path), base_part(path))


def nodes(path: Path) -> list[ast.AST]:
    """Return a file's statements and comments as syntax trees.

    Raises:
        BadRules: it does not parse, or would have another file read.
    """
    text = path.read_text(encoding="utf-8")
    include = _INCLUDE.search(text)
    if include:
        line = text.count("\n", 0, include.start()) + 1
        raise BadRules(Fault("#include: rules do not read other files.", path, line))
    found: list[ast.AST] = []
    said: list[str] = []
    try:
        ast.parse_string(text, found.append, logger=lambda _, remark: said.append(remark))
    except RuntimeError as error:
        raise BadRules(*(_syntax_error(remark, path) for remark in said)) from error
    return found


def _syntax_error(remark: str, path: Path) -> Fault:
    place = _PLACE.search(remark)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    message = " ".join(remark.partition("error: ")[2].split()) or remark.strip()
    return Fault(message, path, line, column)


def base_part(path: Path) -> str:
    """Return a file's text without its examples, in as many lines as stand before them."""
    found = path.stat()
    return _base_part(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _base_part(path: Path, changed: int, size: int) -> str:
    """Return what `base_part` does, read once for each state of the file."""
    text = path.read_text(encoding="utf-8")
    first = PART.search(text)
    return text[: first.start()] if first else text


def read(paths: Iterable[Path]) -> Iterator[Rule]:
    """Yield what each rule file says of itself.

    Raises:
        BadRules: a file without one of the facts, or two files for one rule.
    """
    seen: dict[str, Path] = {}
    facts = {path: _facts(path) for path in paths}
    # One question about all files is much quicker than one about each.
    sources = [solver.Source(str(path), text) for path, text in facts.items()]
    stated: dict[str, dict[str, str]] = {}
    for atom in solver.consequences(sources)[0]:
        stated.setdefault(str(atom.arguments[0]), {})[atom.name] = str(atom.arguments[-1])
    for path, text in facts.items():
        said: dict[str, str] = {}
        for name, rule in _HEAD.findall(text):
            if name in stated.get(rule, {}):
                said |= {"id": rule, name: stated[rule][name]}
        missing = [f for f in ("rule", "message", "severity") if f not in said]
        if missing:
            raise BadRules(Fault(f"no fact {missing[0]}/2: a rule file states one", path))
        if said["severity"] not in SEVERITIES:
            raise BadRules(
                Fault(f"severity {said['severity']}: expected {', '.join(SEVERITIES)}", path)
            )
        if said["id"] in seen:
            raise BadRules(Fault(f"{said['id']} is already stated in {seen[said['id']]}", path))
        seen[said["id"]] = path
        yield Rule(
            said["id"], path.parent.name, said["rule"], said["message"],
            said.get("advice", ""), said.get("source", ""), said["severity"], path,
        )  # fmt: skip


_FACT = re.compile(
    r'^(?:rule|message|advice|source|severity)\((?:[^"]|"(?:\\.|[^"\\])*")*?\)\.\s*$', re.M
)
_HEAD = re.compile(r"\b(rule|message|advice|source|severity)\(\s*(\w+)\s*,")


def _facts(path: Path) -> str:
    """Return the facts in which a file tells of its rule."""
    return "\n".join(_FACT.findall(base_part(path)))
