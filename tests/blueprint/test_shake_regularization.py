"""Shake-Shake and ShakeDrop in a blueprint, without Keras."""

import numpy as np
import pytest

from metaopt.blueprint import Add, Blueprint, Conv2D, Input, InvalidArchitecture, ShakeDrop, ShakeShake, layer_kinds


def test_shake_shake_requires_branches_of_one_shape() -> None:
    x = Input((4, 4, 2))
    branches = [Conv2D(3, 1)(x), Conv2D(3, 3, padding="same")(x)]
    assert ShakeShake()(branches).shape == (4, 4, 3)
    for wrong in (branches[:1], [*branches, x]):
        with pytest.raises(InvalidArchitecture):
            ShakeShake()(wrong)
    reordered = Blueprint(x, ShakeShake()(branches[::-1]))
    assert reordered.hash == Blueprint(x, ShakeShake()(branches)).hash != Blueprint(x, Add()(branches)).hash
    assert (reordered.params, reordered.macs) == (2 * 3 + 3 + 9 * 2 * 3 + 3, 16 * 10 * 2 * 3)


@pytest.mark.parametrize("rate", [-0.1, 1.1, "half", None])
def test_shake_drop_rate_must_be_a_probability(rate) -> None:
    with pytest.raises(InvalidArchitecture, match="rate"):
        ShakeDrop(rate)


def test_rate_changes_the_hash() -> None:
    x = Input((4, 4, 2))
    hashes = {Blueprint(x, ShakeDrop(rate)(x)).hash for rate in (0.2, 0.5, np.float64(0.5))}
    assert len(hashes) == 2


def test_both_layers_are_registered() -> None:
    assert {"ShakeShake", "ShakeDrop"} <= set(layer_kinds())
