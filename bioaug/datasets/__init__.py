"""Loaders of public biosignals, and a simulator that needs no download."""

from bioaug.datasets.bonn import fetch_bonn
from bioaug.datasets.mitbih import fetch_mitbih
from bioaug.datasets.recordings import read_wfdb
from bioaug.datasets.simulator import make_ecg
from bioaug.datasets.tables import read_heartbeat_csv, read_seizure_csv

__all__ = [
    "fetch_bonn",
    "fetch_mitbih",
    "make_ecg",
    "read_heartbeat_csv",
    "read_seizure_csv",
    "read_wfdb",
]
