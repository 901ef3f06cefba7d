"""Patches: the stretches of time steps that networks handle as one token or recurrent step."""

from __future__ import annotations

from typing import Literal


def choose_patch_size(
    patch_size: int | Literal["auto"],
    n_timesteps: int,
    *,
    n_patches: int,
    largest: int | None = None,
) -> int:
    """Return the time steps of a patch, no more than a signal has.

    Parameters
    ----------
    patch_size : int or "auto"
        "auto" makes about `n_patches`, of no more than `largest` time steps.
    n_timesteps : int
    n_patches : int
    largest : int, optional
    """
    if patch_size == "auto":
        size = max(round(n_timesteps / n_patches), 1)
        return size if largest is None else min(size, largest)
    return min(int(patch_size), n_timesteps)


def count_patches(n_timesteps: int, patch_size: int) -> int:
    """Return how many patches cover a signal; the last may reach beyond its end."""
    return -(-n_timesteps // patch_size)
