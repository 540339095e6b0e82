"""Types that the halves of the package hand each other."""

from __future__ import annotations

import os
from typing import TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from mixtura import _native

Path: TypeAlias = Union[str, "os.PathLike[str]"]
Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.float64] | NDArray[np.float32]

# Samples, in an array or in files, and the weights of those in an array.
Samples: TypeAlias = _native.Dataset | NDArray[np.float64] | NDArray[np.float32]
Weights: TypeAlias = NDArray[np.float64] | None

# A mixture: covariance type, weights, means and factors of the precisions.
Model: TypeAlias = tuple[str, Doubles, Doubles, Doubles]

# Device and precision.
Choice: TypeAlias = tuple[str, str]

# What makes up `Moments`.
Parts: TypeAlias = tuple[str, float, float, Doubles, Doubles, Doubles, Doubles, bool]
