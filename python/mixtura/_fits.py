"""A fit that succeeds as a whole, or changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn import get_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from mixtura._types import Samples


class Fits:
    """What surrounds `_fit_or_break(X, sample_weight)`, which gives the samples that it took."""

    def _fit(self: Any, X: Any, sample_weight: Any, then: Callable[[Samples], Any] | None = None) -> Any:
        """Fit, and give what `then` makes of the samples. Either all of it succeeds or no attribute changes."""
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        before = self.__dict__.copy()
        try:
            samples = self._fit_or_break(X, sample_weight)
            return None if then is None else then(samples)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
