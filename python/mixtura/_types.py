"""Types that the halves of the package hand each other."""

from __future__ import annotations

import os
from typing import Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from mixtura import _native

Path: TypeAlias = Union[str, "os.PathLike[str]"]
Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.floating[Any]]

# Samples, in an array or in files, and the weights of those in an array.
Samples: TypeAlias = _native.Dataset | Floats
Weights: TypeAlias = NDArray[np.float64] | None

# A mixture: covariance type, weights, means and factors of the precisions.
Model: TypeAlias = tuple[str, Doubles, Doubles, Doubles]

# Device and precision.
Choice: TypeAlias = tuple[str, str]

# Where checkpoints go, and how often: after so many epochs, or seconds, as in "60s".
Checkpoints: TypeAlias = tuple[Path, int | str]

# What makes up `Moments`.
Parts: TypeAlias = tuple[str, float, float, Doubles, Doubles, Doubles, Doubles, bool]
