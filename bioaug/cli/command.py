"""The Command type and console output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Command:
    """One sub-command: `arguments` declares what `run` reads, `example` stands in its help."""

    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], None]
    example: str


def note(text: str) -> None:
    """Print a line beside the results."""
    print(f"bioaug: {text}", file=sys.stderr)
