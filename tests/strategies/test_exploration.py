"""Exploration of hyperparameters around those of a trial whose weights are kept."""

import math

import numpy as np
import pytest
from hyperopt import hp

from metaopt.spaces import Vals, compile_space
from metaopt.strategies.exploration import allow_any, describe_change, explore, keep_architecture, scale

SPACE = compile_space(
    {
        "rate": hp.loguniform("rate", math.log(1e-4), 0.0),
        "units": hp.quniform("units", 8, 64, 8),
        "layers": hp.uniformint("layers", 1, 4),
        "optimizer": hp.choice(
            "optimizer", [{"name": "Adam"}, {"name": "SGD", "momentum": hp.uniform("momentum", 0, 1)}]
        ),
    }
)
SGD = Vals({"rate": 0.01, "units": 32.0, "layers": 2, "optimizer": 1, "momentum": 0.9})


def explored(resample, check=allow_any, source=SGD, n=200):
    rng = np.random.default_rng(0)
    return [explore(SPACE, source, rng, resample=resample, check=check) for _ in range(n)]


def test_numbers_are_multiplied_by_the_factors_of_the_paper():
    found = explored(resample=0.0)
    ratios = {round(vals["rate"] / SGD["rate"], 9) for vals in found}
    assert ratios == {0.8, 1.2}
    assert {round(vals["momentum"], 9) for vals in found} == {0.72, 1.0}, "0.9 · 1.2 exceeds the bound"
    assert {vals["optimizer"] for vals in found} == {1}, "options are kept"


@pytest.mark.parametrize(
    ("label", "value", "factor", "expected"),
    [
        ("units", 32.0, 1.2, 40.0),  # 38.4 is nearest to 40
        ("units", 16.0, 1.2, 24.0),  # 19.2 rounds to 16: one step
        ("units", 8.0, 0.8, 8.0),  # the lower bound
        ("units", 64.0, 1.2, 64.0),  # the upper bound
        ("layers", 2, 0.8, 1),  # 1.6 rounds to 2: one step
        ("layers", 4, 1.2, 4),
        ("rate", 0.9, 1.2, 1.0),
    ],
)
def test_rounded_and_bounded_numbers_stay_on_their_grid(label, value, factor, expected):
    distribution = SPACE.by_label[label].distribution
    scaled = scale(distribution, value, factor)
    assert scaled == pytest.approx(expected)
    assert type(scaled) is type(distribution.cast(value))


def test_every_hyperparameter_is_drawn_anew_with_the_given_probability():
    found = explored(resample=1.0)
    assert 0.4 < np.mean([vals["optimizer"] == 0 for vals in found]) < 0.6
    assert np.median([math.log10(vals["rate"]) for vals in found]) == pytest.approx(-2, abs=0.4)
    assert all("momentum" in vals for vals in found if vals["optimizer"] == 1)
    kept = explored(resample=0.25, n=1000)
    perturbed = np.mean([round(vals["rate"] / 0.01, 9) in (0.8, 1.2) for vals in kept])
    assert perturbed == pytest.approx(0.75, abs=0.04)


def test_labels_that_become_inactive_are_removed():
    assert any("momentum" not in vals for vals in explored(resample=1.0))
    for vals in explored(resample=1.0):
        assert vals == SPACE.restrict(vals)


def test_changes_of_the_architecture_are_left_out():
    def same_network(source, child):
        return all(source[label] == child[label] for label in ("units", "layers"))

    for vals in explored(resample=0.5, check=same_network):
        assert (vals["units"], vals["layers"]) == (32.0, 2)
    assert len({vals["rate"] for vals in explored(resample=0.5, check=same_network)}) > 50


def test_as_many_changes_as_possible_are_kept():
    proposed = {"rate": 0.1, "units": 8.0, "layers": 4, "momentum": 0.5}
    calls = []

    def check(source, child):
        calls.append(child)
        return child["units"] == 32.0

    found = keep_architecture(SPACE, SGD, proposed, np.random.default_rng(0), check)
    assert found == {"rate": 0.1, "units": 32.0, "layers": 4, "optimizer": 1, "momentum": 0.5}
    assert len(calls) == 5, "halves of the changes rather than each of them"


def test_changes_in_words():
    assert describe_change(SGD, {**SGD, "rate": 0.012}) == "rate 0.01 → 0.012"
    adam = {name: value for name, value in SGD.items() if name != "momentum"}
    assert describe_change(SGD, {**adam, "optimizer": 0}) == "optimizer 1 → 0, momentum 0.9 → none"
    assert describe_change(SGD, SGD) == ""
