"""Small batches for tests: pieces of one bar that take a fraction of a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from composing import ROOT

TINY = """
title: Tiny
bars: 1
surface: none
harmonic_rhythm: half
voices: 2
prior: none
effort: {conflicts: 60}
outputs: [musicxml, midi]
"""
VARYING = ("seconds",)


def written(folder: Path, sweep: str, more: str = "", base: str = TINY) -> Path:
    """A specification file of tiny pieces."""
    path = folder / "tiny.yaml"
    path.write_text(f"{base}{more}sweep: {sweep}\n")
    return path


def command(spec: Path, out: Path, *more: str) -> list[str]:
    """The command line that composes a batch."""
    start = [sys.executable, "-m", "cspcomposer", "batch", str(spec), "--out", str(out)]
    return [*start, *more]


def environment() -> dict[str, str]:
    """Where a process of its own finds the package."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def ran(spec: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """A batch run to its end in a process of its own."""
    return subprocess.run(
        command(spec, out, *more), capture_output=True, text=True, env=environment(), check=False
    )


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a manifest that are whole."""
    if not path.exists():
        return []
    texts = path.read_text().splitlines(keepends=True)
    return [json.loads(text) for text in texts if text.endswith("\n")]


def told(path: Path) -> list[dict[str, Any]]:
    """What a manifest says that may not differ between two runs."""
    return [{k: v for k, v in line.items() if k not in VARYING} for line in lines(path)]


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a batch but its manifest, by name."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    kept = (p for p in paths if not p.name.startswith((".manifest", "manifest")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}
