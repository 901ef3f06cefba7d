"""Labelled signals in files: archives and tables are read and written, WFDB records are read."""

from bioaug.files.arrays import (
    FORMATS,
    all_options,
    check_output,
    find_format,
    kinds_with,
    read_arrays,
    write_arrays,
    written_suffixes,
)

__all__ = [
    "FORMATS",
    "all_options",
    "check_output",
    "find_format",
    "kinds_with",
    "read_arrays",
    "write_arrays",
    "written_suffixes",
]
