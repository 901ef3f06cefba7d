"""Catalogue of all scores, kind by kind."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

from bioaug.metrics.base.registry import Entry, Kind, registered_scores


def _all_scores() -> dict[str, Entry]:
    """Import every module of the four kinds, which register their scores."""
    kinds = get_args(Kind)
    for kind in kinds:
        package = import_module(f"bioaug.metrics.{kind}")
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
    entries = registered_scores()
    order = sorted(entries, key=lambda name: (kinds.index(entries[name].kind), name))
    return {name: entries[name] for name in order}


CATALOGUE: dict[str, Entry] = _all_scores()


def names_of_tier(tier: str, *, privacy: bool = True) -> list[str]:
    """Return the names of a tier's scores, with or without those of privacy."""
    return [
        name
        for name, entry in CATALOGUE.items()
        if (entry.fast or tier == "full")
        and entry.kind != "biosignal"
        and (privacy or entry.kind != "privacy")
    ]
