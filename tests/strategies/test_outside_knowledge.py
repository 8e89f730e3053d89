"""What auto makes of an earlier study and of default points."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.spaces import Vals, compile_space
from metaopt.strategies.outside_knowledge import InformedEncoder
from metaopt.strategies.points import Encoder
from metaopt.trials.knowledge import Knowledge, KnownPoint

SPACE = compile_space(
    {"x": hp.uniform("x", 0, 1), "rate": hp.loguniform("rate", -9, 0), "act": hp.choice("act", ["relu", "tanh"])}
)


def draws(n: int, seed: int = 0) -> list[Vals]:
    rng = np.random.default_rng(seed)
    return [SPACE.draw(rng) for _ in range(n)]


def loss(vals) -> float:
    return (vals["x"] - 0.2) ** 2 + 0.3 * vals["act"]


def study(n: int = 60) -> Knowledge:
    return Knowledge("earlier", "id", tuple(KnownPoint(vals, loss(vals), 9) for vals in draws(n)), 9)


def test_a_study_foretells_the_order_of_new_points() -> None:
    encoder = InformedEncoder.informed(Encoder.of(SPACE), [study()])
    new = draws(200, seed=1)
    beliefs = encoder.encode(new).beliefs
    assert beliefs.shape == (200, 1), "the study stands for the belief in centres"
    assert np.corrcoef(beliefs[:, 0], [loss(vals) for vals in new])[0, 1] > 0.9
    assert beliefs.mean() == pytest.approx(0, abs=0.2)
    assert beliefs.std() == pytest.approx(1, abs=0.2)


def test_units_of_an_earlier_loss_do_not_matter() -> None:
    scaled = Knowledge(
        "earlier", "id", tuple(KnownPoint(each.vals, 500 * each.loss + 7, 9) for each in study().points), 9
    )
    new = draws(20, seed=1)
    one, other = (InformedEncoder.informed(Encoder.of(SPACE), [each]).encode(new).beliefs for each in (study(), scaled))
    assert one == pytest.approx(other, abs=1e-3)


def test_points_near_a_default_are_believed_to_be_better() -> None:
    known = Knowledge("default", None, (KnownPoint(Vals({"x": 0.9, "rate": np.exp(-3.0), "act": 1})),))
    encoder = InformedEncoder.informed(Encoder.of(SPACE), [known])
    at, near, far = (
        encoder.encode([Vals({"x": x, "rate": rate, "act": act})]).beliefs[0, -1]
        for x, rate, act in ((0.9, np.exp(-3.0), 1), (0.8, np.exp(-3.5), 1), (0.1, np.exp(-8.0), 0))
    )
    assert at == pytest.approx(-1)
    assert at < near < 0 < far


def test_no_draw_still_has_all_columns() -> None:
    known = Knowledge("default", None, (KnownPoint(Vals({"x": 0.9, "rate": 0.1, "act": 1})),))
    encoder = InformedEncoder.informed(Encoder.of(SPACE), [known, study()])
    assert encoder.encode([]).beliefs.shape == (0, 2)
    assert encoder.encode(draws(3)).beliefs.shape == (3, 2)
