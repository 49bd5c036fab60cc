"""Imports point down only, and each heavy library stays behind its fence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cspcomposer"

LAYERS: dict[int, str] = {
    # The package itself is a front door: what it offers it imports when it is asked.
    5: "cli serve __main__ __init__",
    4: "compose brief check explain repair exercise batch evaluate lint study trial fit many "
    "recompose posed",
    3: "stages finish search read render analyse analyse_path analyse_tables habits words surface "
    "excuse priors bounded bounds shelf form rhythm tune texture accompany arrange ended "
    "stretches impasse windows",
    2: "facts solver rulebook syntax candidates tables lattice",
    1: "frames guard spec specmodel specsweep specfile specforms specwords document yamlfile "
    "tomlfile score metre key passage "
    "lilypond notation figures romantext files cache kept corpus spread plan",
    0: "errors interrupts patience pitch",
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names.split()}

# Who alone may import a library.
FENCES = {
    "clingo": {"solver", "rulebook"},
    "constraint": {"candidates"},
    "neural_priors": {"priors", "cli"},
    "distributed": {"batch"},
    "pyarrow": {"batch"},
}
# Never imported when a module is: `--help` and a solve do not wait for these.
LAZY = {"music21", "verovio", "typst", "torch", "distributed", "pyarrow"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def whole(name: str) -> str:
    """The module of the table that a piece belongs to: `read_voices` is a piece of `read`."""
    first = name.partition("_")[0]
    return first if first in LAYER and name not in LAYER else name


def short_name(path: Path) -> str:
    """The module's name in the table: a folder (`render`) counts as one module."""
    return whole(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def imported(nodes: list[ast.stmt] | Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: not function bodies, not type checks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_import_time(node)


@pytest.fixture(params=MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_module_has_a_layer(module: Path) -> None:
    name = short_name(module)
    assert name in LAYER, f"{name} is new: give it a layer in LAYERS"


def test_imports_point_down_or_stay_in_their_layer(module: Path) -> None:
    name = short_name(module)
    for target in imported(ast.walk(ast.parse(module.read_text()))):
        root, _, rest = target.partition(".")
        other = whole(rest.partition(".")[0])
        if root == "cspcomposer" and other in LAYER and name in LAYER:
            assert LAYER[other] <= LAYER[name], f"{name} imports {other}, which lies above it"


def test_a_fenced_library_has_one_gate(module: Path) -> None:
    for target in imported(ast.walk(ast.parse(module.read_text()))):
        gates = FENCES.get(target.partition(".")[0])
        assert gates is None or short_name(module) in gates, f"{target} belongs to {gates}"


def test_a_heavy_library_is_never_imported_at_module_level(module: Path) -> None:
    for target in imported(at_import_time(ast.parse(module.read_text()))):
        assert target.partition(".")[0] not in LAZY, f"{target}: import it inside a function"


def test_the_rules_folder_holds_no_python() -> None:
    assert not list((ROOT / "asp_rules").rglob("*.py"))


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for path in MODULES:
        targets = imported(at_import_time(ast.parse(path.read_text())))
        inside = {whole(t.split(".")[1]) for t in targets if t.startswith("cspcomposer.")}
        edges.setdefault(short_name(path), set()).update(inside & set(LAYER))
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in edges.get(name, set()) - {name}:
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())
