"""CSPComposer: music theory as answer-set programs, solved by clingo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cspcomposer.batch_run import batch

__all__ = ["__version__", "batch"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Whoever imports the package for something else does not wait for all this.
    if name == "batch":
        from cspcomposer.batch_run import batch

        return batch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
