"""The wheel holds what the program needs when its source tree is not there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

QUESTION = """
import importlib.resources as resources
import cspcomposer, neural_priors
def names(folder):
    for entry in folder.iterdir():
        yield from names(entry) if entry.is_dir() else [entry.name]
print(cspcomposer.__file__)
print(sorted(n for n in names(resources.files("asp_rules")) if n.endswith(".lp")))
print(sorted(n for n in names(resources.files("cspcomposer")) if not n.endswith((".py", ".pyc"))))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_installed_wheel_finds_rules_and_schema_from_any_folder(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")

    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).strip()
    run(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
        "--target", site, wheel, cwd=tmp_path,
    )  # fmt: skip
    # The dependencies are this environment's own. A folder named in a path file is searched, but
    # path files inside it (an editable install's) are not read: the source tree is out of reach.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    place, rules, data = run(python, "-I", "-c", QUESTION, cwd=tmp_path).splitlines()
    assert place.startswith(site)
    in_tree = sorted(path.name for path in (ROOT / "asp_rules").rglob("*.lp"))
    assert rules == str(in_tree)
    shipped = (p for p in (ROOT / "cspcomposer").rglob("*.*") if p.suffix not in {".py", ".pyc"})
    assert data == str(sorted(path.name for path in shipped if path.is_file()))
    assert "py.typed" in data
