"""Parts of spaces that several problem files share."""

from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply


def log_integer(label: str, low: int, high: int) -> Any:
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


def first_parts(label: str, parts: list[Any]) -> Any:
    """Return one or more of the parts, the first ones."""
    return hp.choice(label, [parts[:count] for count in range(1, len(parts) + 1)])


def dense(name: str, low: int, high: int) -> Any:
    """Return the space of one dense layer of a stack, as one node that all depths share."""
    return as_apply(
        {
            "units": log_integer(f"{name}_units", low, high),
            "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
        }
    )
