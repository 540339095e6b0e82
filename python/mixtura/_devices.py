"""The devices of this machine."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, NamedTuple

from mixtura import _native

if TYPE_CHECKING:
    from mixtura._types import Choice

# Choices that are no names of adapters.
_WORDS = ("auto", "cpu", "gpu", "gpu:all", "software")


class DeviceInfo(NamedTuple):
    """A device of this machine."""

    device: str
    """Value of the parameter `device` that chooses it: the number of an adapter, or ``"cpu"``."""
    name: str
    """Name of the adapter; of the processor, its instruction set and number of threads."""
    type: str
    """``"discrete-gpu"``, ``"integrated-gpu"``, ``"virtual-gpu"``, ``"software"``, ``"cpu"`` or ``"other"``."""
    backend: str
    """``"vulkan"``, ``"metal"``, ``"dx12"`` or ``"cpu"``."""
    precision: str
    """Precision that it computes in unless told otherwise: ``"f32"`` or ``"f64"``."""
    auto: bool
    """Whether ``device="auto"`` takes it."""
    reason: str | None
    """Why it is taken; ``None`` of the others."""


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


def choice(device: str | int, precision: str) -> Choice:
    """Check what to compute on, and give it with what to compute in, as the native half takes them."""
    word = str(device).strip()
    is_number = isinstance(device, Integral) and not isinstance(device, bool) and device >= 0
    if not (is_number or (isinstance(device, str) and word)):
        raise ValueError(
            'The device must be "auto", "cpu", "gpu", "gpu:all", "software", the number or part of the name of one '
            f'that mixtura.devices() lists, or a list of these, as in "0,1,cpu". Got {device!r} instead.'
        )
    members = [member.strip() for member in word.split(",")]
    return ",".join(member.lower() if member.lower() in _WORDS else member for member in members), precision
