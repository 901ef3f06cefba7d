"""Loaders of public biosignals, and a simulator that needs no download."""

from bioaug.datasets.mitbih import fetch_mitbih
from bioaug.datasets.simulator import make_ecg

__all__ = ["fetch_mitbih", "make_ecg"]
