"""The devices of this machine."""

from typing import NamedTuple

from mixtura import _native


class DeviceInfo(NamedTuple):
    """A device of this machine."""

    device: str
    """What the parameter `device` takes to choose it: the number of an adapter, or ``"cpu"``."""
    name: str
    """Name of the adapter; of the processor, its instruction set and number of threads."""
    type: str
    """``"discrete-gpu"``, ``"integrated-gpu"``, ``"virtual-gpu"``, ``"software"``, ``"cpu"`` or ``"other"``."""
    backend: str
    """``"vulkan"``, ``"metal"``, ``"dx12"`` or ``"cpu"``."""
    precision: str
    """What it computes in unless told otherwise: ``"f32"`` or ``"f64"``."""
    auto: bool
    """Whether ``device="auto"`` takes it."""


def devices() -> list[DeviceInfo]:
    """List the devices: the graphics adapters in the order of their numbers, then the CPU.

    Returns
    -------
    list of DeviceInfo
        There is always one at least, the CPU.

    Examples
    --------
    >>> import mixtura
    >>> mixtura.devices()[-1].device
    'cpu'
    """
    return [DeviceInfo(**entry) for entry in _native.devices()]
