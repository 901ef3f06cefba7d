"""What tests of several ranks share."""

from __future__ import annotations

import os

from torch import distributed


def leave() -> None:
    """End this rank when both are done; gloo's threads can abort the interpreter's own way out."""
    distributed.barrier()
    os._exit(0)
