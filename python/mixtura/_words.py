"""The words that parameters may be: for whoever reads types, and for the checks of what is given."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from sklearn.utils._param_validation import StrOptions

CovarianceType: TypeAlias = Literal["full", "tied", "diag", "spherical"]
InitParams: TypeAlias = Literal["kmeans", "k-means++", "random", "random_from_data"]
Start: TypeAlias = Literal["direct", "coarse-to-fine", "auto"]
Update: TypeAlias = Literal["em", "squarem", "damped", "gradient", "stepwise"]
OnCollapse: TypeAlias = Literal["error", "repair", "drop"]
Prune: TypeAlias = Literal["auto", "exact", "off"]
Posterior: TypeAlias = Literal["exact", "truncated"]
Missing: TypeAlias = Literal["error", "marginalize"]
Precision: TypeAlias = Literal["auto", "f32", "f64"]
Criterion: TypeAlias = Literal["bic", "aic", "icl", "icl-labels", "held-out", "stability"]


def one_of(words: Any) -> StrOptions:
    """Make the constraint that a parameter is one of these words."""
    return StrOptions(set(get_args(words)))
