"""Questions on loguniform hyperparameters whose bounds look like values instead of logarithms."""

import math

from metaopt.spaces.space import Space

_RATES = ("learning_rate", "lr", "rate", "decay", "dropout", "momentum", "smoothing", "l1", "l2")
_FACTORS = ("mult", "factor", "scale")
_DECADE = 10.0  # bounds so far apart are meant on a logarithmic scale
_LARGEST = 28.0  # exp of it, 1e12, is more than any hyperparameter of a network


def logarithms_in_doubt(space: Space) -> list[str]:
    """Return a sentence for each loguniform that draws values which its bounds hardly mean.

    These are rates above 1, enormous values, and bounds that are numbers from 0 to 1 a decade or more apart.
    """
    questions = []
    for one in space.parameters:
        if one.kind not in ("loguniform", "qloguniform"):
            continue
        low, high = (float(bound) for bound in one.args[:2])
        words = one.label.lower().replace("-", "_").split("_")
        is_rate = not any(word in one.label.lower() for word in _FACTORS) and any(
            rate in words or rate == one.label.lower() for rate in _RATES
        )
        spans_decade = 0 < low < high <= 1 and high / low >= _DECADE
        if not (high > _LARGEST or spans_decade or (is_rate and high > 1e-9)):
            continue
        drawn = f"values from {math.exp(low):.4g} to {math.exp(high):.4g}"
        text = f"{one.kind} '{one.label}' draws {drawn}: its bounds {low:g} and {high:g} are logarithms."
        if low > 0:
            text += f" If values from {low:g} to {high:g} are meant, write log({low:g}) and log({high:g})."
        questions.append(text)
    return questions
