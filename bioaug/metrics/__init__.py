"""Scores of synthetic signals, each with the value that real signals get among themselves."""

from bioaug.metrics.score import Null, Score

__all__ = ["Null", "Score"]
