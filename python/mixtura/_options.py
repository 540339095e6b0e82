"""The parameters of an estimator as the options that the native half and its files know, and the other way round."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, get_args

from mixtura import _start
from mixtura._model import parameters
from mixtura._words import InitParams

if TYPE_CHECKING:
    from mixtura._gaussian_mixture import GaussianMixture
    from mixtura._types import Model

# The numbers of every rule of update, with their defaults, which are those of the command line.
_RULES: dict[str, dict[str, Any]] = {
    "em": {},
    "squarem": {},
    "damped": {"learning_rate": 0.5},
    "gradient": {"learning_rate": 1e-3, "momentum": 0.0},
    "stepwise": {"batch_size": 65_536, "decay": 0.7, "polish": False},
}
_NUMBERS = ("learning_rate", "momentum", "batch_size", "decay", "polish")


def of_fit(model: GaussianMixture) -> tuple[dict[str, Any], tuple[Model, float] | None]:
    """Give the options of a fit of samples with `n_features_in_` features, and what it goes on from."""
    start: tuple[Model, float] | None = None
    if model.warm_start and hasattr(model, "converged_"):
        start = (parameters(model), model.lower_bound_)
    inits = _start.check(model, model.n_features_in_)
    options = {
        # A warm start goes on with the components that there are, as scikit-learn's does.
        "n_components": model.n_components if start is None else len(model.means_),
        "covariance_type": model.covariance_type,
        **(inits if start is None else dict.fromkeys(inits)),
        **manner(model),
    }
    return options, start


def manner(model: GaussianMixture) -> dict[str, Any]:
    """Give the options of a fit of any model. They hold a seed, which is drawn anew every time."""
    return {
        "tol": float(model.tol),
        "reg_covar": float(model.reg_covar),
        "floor": None if model.floor is None else float(model.floor),
        "max_iter": min(model.max_iter, sys.maxsize),
        "n_init": min(model.n_init, sys.maxsize),
        "init": model.init_params,
        "start": model.start,
        "update": _rule(model),
        "on_collapse": model.on_collapse,
        "prune": model.prune,
        "posterior": model.posterior,
        "missing": model.missing,
        "seed": model._seed(),
    }


def _rule(model: GaussianMixture) -> str:
    """Give the rule of update with its numbers, in JSON."""
    numbers = _RULES[model.update]
    for name in _NUMBERS:
        value = getattr(model, name)
        if value is None or value is False:
            continue
        if name not in numbers:
            rules = " or ".join(f"update={rule!r}" for rule, known in _RULES.items() if name in known)
            raise ValueError(f"{name} has no meaning for update={model.update!r}: leave it out, or choose {rules}.")
        # NumPy's numbers have no form in JSON.
        numbers = {**numbers, name: type(numbers[name])(value)}
    return json.dumps({"rule": model.update, **numbers})


def of_file(record: dict[str, Any]) -> dict[str, Any]:
    """Give the parameters that a record of options stands for, as far as it has them: that of a model or checkpoint."""
    known = ("tol", "reg_covar", "floor", "on_collapse", "max_iter", "n_init", "start", "prune")
    settings = {name: record[name] for name in known if name in record}
    init = record.get("init", "").replace("random-from-data", "random_from_data")
    # A fit that went on from a model, or one of another program, began at something else.
    if init in get_args(InitParams):
        settings["init_params"] = init
    if "update" in record:
        numbers = {**record["update"]}
        settings["update"] = numbers.pop("rule")
        settings.update(numbers)
    if "posterior" in record:
        settings["posterior"] = record["posterior"]["kind"]
    return settings


def to_file(model: GaussianMixture) -> dict[str, Any]:
    """Give the options that model files keep."""
    floor = {"reg_covar": float(model.reg_covar)} if model.floor is None else {"floor": float(model.floor)}
    return {
        "init": model.init_params.replace("random_from_data", "random-from-data"),
        "tol": float(model.tol),
        **floor,
        "max_iter": int(min(model.max_iter, sys.maxsize)),
        "n_init": int(min(model.n_init, sys.maxsize)),
    }
