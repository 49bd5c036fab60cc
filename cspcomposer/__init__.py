"""CSPComposer: music theory as answer-set programs, solved by clingo."""

__version__ = "0.1.0"
