"""Generators fitted to one set of rows: training, sampling, files."""

from bioaug.synthesis.synthesizer import Synthesizer

__all__ = ["Synthesizer"]
