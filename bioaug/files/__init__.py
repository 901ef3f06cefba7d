"""Labelled signals in files: archives and tables are read and written, WFDB records are read."""

from bioaug.files.arrays import read_arrays, write_arrays

__all__ = ["read_arrays", "write_arrays"]
