"""The methods inside scikit-learn's fit: lent to those who call them, and refused from those who override them.

scikit-learn's estimator is written as a frame that calls these methods, so that other packages call them, too, and
override them. Mixtura's fit is one call of the native half. Whoever calls such a method gets what scikit-learn's own
makes of the attributes of the model; whoever overrides one would have a fit that silently leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.mixture import GaussianMixture as Theirs
from sklearn.mixture._base import BaseMixture

from mixtura import _start

if TYPE_CHECKING:
    from collections.abc import Callable

# What scikit-learn's methods call, by the name of the method.
_DENSITIES = ("_estimate_weighted_log_prob", "_estimate_log_prob", "_estimate_log_weights")
_FIT = (
    "_check_parameters",
    "_initialize_parameters",
    "_initialize",
    "_e_step",
    "_m_step",
    "_compute_lower_bound",
    "_get_parameters",
    "_set_parameters",
    "_estimate_log_prob_resp",
    *_DENSITIES,
    "_print_verbose_msg_init_beg",
    "_print_verbose_msg_iter_end",
    "_print_verbose_msg_init_end",
)
_CALLED_BY = {
    "fit": ("fit_predict", *_FIT),
    "fit_predict": _FIT,
    "predict": _DENSITIES,
    "predict_proba": ("_estimate_log_prob_resp", *_DENSITIES),
    "score_samples": _DENSITIES,
    "score": ("score_samples", *_DENSITIES),
    "bic": ("score_samples", *_DENSITIES),
    "aic": ("score_samples", *_DENSITIES),
}


# Those that pass over samples, their first argument.
_OF_SAMPLES = ("_initialize", "_e_step", "_m_step", "_estimate_log_prob_resp", *_DENSITIES[:2])


def refuse_overrides(estimator: Any, caller: str) -> None:
    """Raise TypeError where a class overrides what scikit-learn's method calls, and Mixtura's does not."""
    names = _CALLED_BY[caller]
    kinds = type(estimator).__mro__
    if all(_is_own(kind) for kind in kinds) and vars(estimator).keys().isdisjoint(names):
        return
    for name in names:
        owner: Any = next((kind for kind in kinds if name in vars(kind)), None)
        if name in vars(estimator):
            owner = "an attribute of the object"
        elif owner is None or _is_own(owner):
            continue
        else:
            owner = f"in {owner.__module__}.{owner.__qualname__}"
        kind = type(estimator).__name__
        raise TypeError(
            f"{kind} overrides {name} ({owner}), which scikit-learn's {caller} calls. Mixtura's {caller} does not call "
            f"it: its result would not be what {kind} means. Subclass sklearn.mixture.GaussianMixture instead; samples "
            "with weights need no subclass, but fit(X, sample_weight=...)."
        )


def _is_own(kind: type) -> bool:
    """Whether a class is Mixtura's or, beside it, scikit-learn's: whoever inherits both overrides nothing."""
    return kind.__module__.startswith(("mixtura.", "sklearn.", "builtins"))


def _lent(name: str) -> Callable[..., Any]:
    """Make a method that does what scikit-learn's does with the attributes that it finds."""

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        may_lack = name in _OF_SAMPLES and getattr(self, "missing", "error") == "marginalize"
        if may_lack and arguments and np.isnan(arguments[0]).any():
            raise ValueError(
                f"X lacks values, which scikit-learn's {name} does not integrate out. Mixtura's public methods do."
            )
        return getattr(Theirs, name)(self, *arguments, **options)

    method.__name__ = name
    method.__doc__ = f"As scikit-learn's, which other packages call. Mixtura's methods do not. See `{__name__}`."
    return method


class Hooks:
    """The methods inside scikit-learn's fit."""

    _initialize = _lent("_initialize")
    _e_step = _lent("_e_step")
    _m_step = _lent("_m_step")
    _compute_lower_bound = _lent("_compute_lower_bound")
    _get_parameters = _lent("_get_parameters")
    _set_parameters = _lent("_set_parameters")
    _estimate_log_prob = _lent("_estimate_log_prob")
    _estimate_log_prob_resp = _lent("_estimate_log_prob_resp")
    _estimate_log_weights = _lent("_estimate_log_weights")
    _estimate_weighted_log_prob = _lent("_estimate_weighted_log_prob")
    _print_verbose_msg_init_beg = _lent("_print_verbose_msg_init_beg")
    _print_verbose_msg_iter_end = _lent("_print_verbose_msg_iter_end")
    _print_verbose_msg_init_end = _lent("_print_verbose_msg_init_end")

    def _check_parameters(self: Any, X: Any, xp: Any = None) -> None:
        """Put checked arrays in the place of the parameters to start from. `xp` is NumPy in any case."""
        checked = _start.check(self, X.shape[1])
        vars(self).update({name: array for name, array in checked.items() if array is not None})

    def _initialize_parameters(self: Any, X: Any, random_state: Any, **options: Any) -> None:
        """As scikit-learn's, whose own goes on to its base class and so needs an object of it."""
        if self.weights_init is None or self.means_init is None or self.precisions_init is None:
            BaseMixture._initialize_parameters(self, X, random_state, **options)
        else:
            self._initialize(X, None, **options)
