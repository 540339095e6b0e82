"""Gaussian mixture models on millions of samples, on any GPU or on the CPU.

`GaussianMixture` takes the place of scikit-learn's: the same parameters, attributes and methods, fitted by the Mixtura
library, with sample weights and from files that exceed memory. `moments` and `Moments` are what a fit on a cluster
needs, `Dataset` is samples in files, and `devices` lists what there is to compute on.
"""

import os as _os

# On a machine without a display, one layer of Linux' Vulkan drivers complains on standard error that there is none,
# each time the adapters are listed. It only sorts adapters for windows: we need none.
if not {"XDG_RUNTIME_DIR", "WAYLAND_DISPLAY"} & _os.environ.keys():
    _os.environ.setdefault("NODEVICE_SELECT", "1")

from mixtura._dataset import Dataset
from mixtura._devices import DeviceInfo, devices
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._moments import Moments, moments
from mixtura._native import __version__

__all__ = ["Dataset", "DeviceInfo", "GaussianMixture", "Moments", "__version__", "devices", "moments"]
