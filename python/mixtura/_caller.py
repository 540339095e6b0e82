"""The line that called this package."""

from __future__ import annotations

import sys


def caller() -> int:
    """Give the `stacklevel` of a warning about what the line outside this package did."""
    depth, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("mixtura", "sklearn"):
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    return depth
