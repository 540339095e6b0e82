"""Gaussian mixture models on millions of samples, on any GPU or on the CPU.

`GaussianMixture` takes the place of scikit-learn's: the same parameters, attributes and methods, fitted by the Mixtura
library, with sample weights and from files that exceed memory. `MixtureSelection` chooses the number of components and
the covariance type. `Search`, `Part` and `answer` are a fit whose samples are held by several workers, `moments` and
`Moments` a single epoch of one. `Dataset` is samples in files, `resume` goes on with a fit, `plot` draws a model,
`devices` lists what there is to compute on, and `threads` says with how many threads.
"""

import os as _os

# Linux' Vulkan drivers complain on standard error of what we do not need: one layer sorts adapters for windows, and
# looks for a display in a directory that may not be there; and an empty name of a directory, which is none, is taken as
# one.
if not {"XDG_RUNTIME_DIR", "MESA_VK_DEVICE_SELECT"} & _os.environ.keys():
    _os.environ.setdefault("NODEVICE_SELECT", "1")
if _os.environ.get("XDG_CACHE_HOME") == "":
    del _os.environ["XDG_CACHE_HOME"]

from mixtura._dataset import Dataset
from mixtura._devices import DeviceInfo, devices
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._moments import Moments, moments
from mixtura._native import __version__
from mixtura._plot import plot
from mixtura._resume import resume
from mixtura._search import Part, Search, answer
from mixtura._selection import MixtureSelection
from mixtura._threads import threads

__all__ = [
    "Dataset",
    "DeviceInfo",
    "GaussianMixture",
    "MixtureSelection",
    "Moments",
    "Part",
    "Search",
    "__version__",
    "answer",
    "devices",
    "moments",
    "plot",
    "resume",
    "threads",
]
