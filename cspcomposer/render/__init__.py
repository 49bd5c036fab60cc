"""Scores on paper, on screen and in sound: one format, one module."""
