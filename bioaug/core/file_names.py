"""Names of files and folders that stand for any text."""

from __future__ import annotations

import hashlib
import re

MAX_READABLE = 60  # characters kept of the text


def file_name(text: str) -> str:
    """Return `text` as the name of a file or folder, a different one for every text.

    Class names may hold a slash, differ in case only, or be many; the digest tells them apart.
    """
    readable = re.sub(r"[^\w+-]+", "_", text.replace(", ", "+"))[:MAX_READABLE]
    return f"{readable}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
