"""Labelled signals in files: tables and archives are read and written, WFDB records are read."""

from bioaug.files.arrays import check_output, is_record, is_table, read_arrays, write_arrays

__all__ = ["check_output", "is_record", "is_table", "read_arrays", "write_arrays"]
