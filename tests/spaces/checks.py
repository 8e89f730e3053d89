"""Checks and example stacks that several tests of spaces share."""

import json
from collections.abc import Mapping

from hyperopt import hp

from metaopt.spaces import Space, Vals, compile_space


def check_draw(space: Space, vals: Mapping[str, float]) -> None:
    """Check that values are a valid draw: exactly the active labels, with possible values of the right type."""
    assert isinstance(vals, Vals)
    assert vals.keys() == space.active(vals)
    for label, value in vals.items():
        distribution = space.by_label[label].distribution
        assert distribution.match(value) == value, (label, distribution, value)
        assert type(value) is (int if distribution.is_integer else float)
    json.dumps(space.point(vals))


def make_stack_space(most: int = 8, least: int = 0) -> Space:
    blocks = [{"k": hp.uniform(f"k{i}", 0, 1), "s": hp.uniform(f"s{i}", 0, 1)} for i in range(most)]
    return compile_space({"blocks": hp.choice("n", [blocks[:n] for n in range(least, most + 1)])})


def make_stack_vals(ks: list[float]) -> dict[str, float]:
    """Return a draw of ``make_stack_space`` whose blocks have these k, and half of them as s."""
    return {"n": len(ks), **{f"k{i}": k for i, k in enumerate(ks)}, **{f"s{i}": k / 2 for i, k in enumerate(ks)}}
