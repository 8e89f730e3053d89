"""Predictions of each head are kept with the test log, and read as they were written."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.data import ArrayImages
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.head_predictions import EXAMPLE_QUANTILES, collect_heads
from metaopt.report.analysis.predictions import ImageScores, read_heads, read_predictions, write_predictions

N = 40
OUTPUTS = {
    "kind": ClassOutput(("a", "b", "c"), thresholds=(0.0, 0.5, 1.0)),
    "tags": LabelOutput(("x", "y"), thresholds=(0.4, 0.6)),
    "age": NumberOutput(("age",), mean=(3.0,), scale=(2.0,)),
    "picture": ImageOutput((6, 5, 1), has_mask=True),
}


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (N, 6, 5, 1), dtype=np.uint8)
    mask = np.full_like(picture, 255)
    labels = {
        "kind": np.arange(N) % 3,
        "tags": rng.integers(0, 2, (N, 2)),
        "age": rng.normal(size=(N, 1)),
        "picture": np.concatenate([picture, mask], axis=3),
    }
    noise = np.linspace(1, 60, N)[:, None, None, None] * rng.choice([-1, 1], picture.shape)
    predicted = {
        "kind": rng.dirichlet(np.ones(3), N),
        "tags": rng.random((N, 2)),
        "age": labels["age"] + 1,
        "picture": np.clip(picture + noise, 0, 255),
    }
    images = ArrayImages(np.zeros((N, 6, 5, 1), np.uint8), labels)
    return collect_heads(OUTPUTS, predicted, images)


def test_heads_are_read_as_they_were_written(made, tmp_path: Path) -> None:
    scores = ImageScores(np.arange(3.0), "PSNR (dB)", "digest")
    stored = write_predictions(tmp_path, 1, scores, made)
    read = read_heads(tmp_path, stored)
    assert [each.head for each in read] == list(OUTPUTS)
    for before, after in zip(made, read, strict=True):
        assert type(after) is type(before)
        assert after.output == before.output
        for name, value in vars(before).items():
            if name not in ("head", "output"):
                assert np.array_equal(getattr(after, name), value)
    kept = read_predictions(tmp_path, stored)
    assert isinstance(kept, ImageScores)
    assert np.array_equal(kept.scores, scores.scores)


def test_files_of_earlier_versions_have_no_heads(tmp_path: Path) -> None:
    stored = write_predictions(tmp_path, 1, ImageScores(np.arange(3.0), "PSNR (dB)", "digest"))
    with np.load(tmp_path / stored["file"]) as arrays:
        np.savez_compressed(tmp_path / "old.npz", **{name: arrays[name] for name in ("scores", "measure")})
    assert read_heads(tmp_path, stored) == []
    assert read_heads(tmp_path, {}) == []


def test_images_without_an_answer_have_no_class(made) -> None:
    kind = made[0]
    assert set(np.unique(kind.predicted)) == {-1, 0, 1}  # the third class is never predicted


def test_examples_are_quantiles_of_the_psnr_the_best_first(made) -> None:
    pictures = made[3]
    of_examples = pictures.psnr[pictures.rows]
    assert list(of_examples) == sorted(of_examples, reverse=True)
    wanted = np.quantile(pictures.psnr, EXAMPLE_QUANTILES[::-1])
    assert np.allclose(of_examples, wanted, atol=1.5)
    assert pictures.predicted.shape == (5, 6, 5, 1)
    assert pictures.true.shape == (5, 6, 5, 2)
    assert pictures.input_psnr.shape == (N,)
    assert pictures.input_psnr.mean() < pictures.psnr.mean()  # the inputs are black
