"""Greedy selection of ensembles."""

import numpy as np
import pytest

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.outputs.class_metrics import cross_entropy
from metaopt.training.ensemble import select_ensemble

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 3, 400)


def predict(error: float) -> np.ndarray:
    logits = 2 * np.eye(3)[TRUE] + RNG.normal(0, error, (400, 3))
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def test_models_with_independent_errors_are_averaged() -> None:
    models = [predict(1.5), predict(1.5), predict(1.6)]
    found = select_ensemble(ClassOutput.of(3), models, TRUE)
    assert all(found.weights)
    assert found.loss < min(found.alone)
    average = np.average(models, axis=0, weights=found.weights)
    assert found.loss == pytest.approx(cross_entropy(average, TRUE), abs=1e-6)


def test_poor_models_are_left_out() -> None:
    assert select_ensemble(ClassOutput.of(3), [predict(0.3), predict(8.0)], TRUE).weights == (1, 0)


def test_equal_models_are_one() -> None:
    model = predict(1.0)
    found = select_ensemble(ClassOutput.of(3), [model, model.copy()], TRUE)
    assert found.weights == (1, 0)
    assert found.loss == pytest.approx(found.alone[0])


@pytest.mark.parametrize(
    ("output", "true"),
    [
        (LabelOutput(("a", "b")), RNG.integers(0, 2, (50, 2))),
        (NumberOutput(("x",), (0.0,), (1.0,)), RNG.normal(0, 1, (50, 1))),
        (ImageOutput((4, 4, 1)), RNG.integers(0, 256, (50, 4, 4, 1)).astype(np.uint8)),
    ],
)
def test_each_kind_is_selected_by_its_own_loss(output, true) -> None:
    scale = 255.0 if isinstance(output, ImageOutput) else 1.0
    good, poor = (np.clip(true + scale * RNG.normal(0, error, true.shape), -9 * scale, 255) for error in (0.05, 1.0))
    assert select_ensemble(output, [poor, good], true).weights[1] >= 1
    assert np.argmin(select_ensemble(output, [poor, good], true).alone) == 1
