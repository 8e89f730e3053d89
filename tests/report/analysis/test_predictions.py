"""Predictions are read as they were written, and not from a file that has changed."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.data import ArrayImages
from metaopt.report.analysis.predictions import (
    ImageScores,
    Predictions,
    digest_test_set,
    rank_classes,
    read_predictions,
    write_predictions,
)
from metaopt.training.metrics import accuracy, top_k


@pytest.fixture
def made() -> Predictions:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    return rank_classes(probabilities, np.arange(50) % 5, "digest")


def test_round_trip(made: Predictions, tmp_path: Path) -> None:
    read = read_predictions(tmp_path, write_predictions(tmp_path, 1, made))
    assert isinstance(read, Predictions)
    assert read.test_set == "digest"
    assert np.array_equal(read.ranked, made.ranked)
    assert np.array_equal(read.true, made.true)


def test_missing_or_changed_file_is_not_read(made: Predictions, tmp_path: Path) -> None:
    kept = write_predictions(tmp_path, 1, made)
    write_predictions(tmp_path, 1, rank_classes(np.eye(5), np.arange(5), "digest"))
    assert read_predictions(tmp_path, kept) is None
    (tmp_path / kept["file"]).unlink()
    assert read_predictions(tmp_path, kept) is None


@pytest.mark.parametrize("classes", [2, 3, 4, 100])
def test_correct_agrees_with_the_scores_also_with_ties(classes: int) -> None:
    rng = np.random.default_rng(classes)
    probabilities = np.round(rng.random((200, classes)), 1)
    true = rng.integers(classes, size=200)
    made = rank_classes(probabilities, true, "")
    assert made.correct().mean() == accuracy(probabilities, true)
    assert made.correct(3).mean() == top_k(probabilities, true, 3)


def test_digest_depends_on_images_and_labels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(5 * 12, dtype=np.uint8).reshape(5, 2, 2, 3)
    labels = np.array([0, 1, 2, 0, 1], np.int32)
    digest = digest_test_set(ArrayImages(images, {"label": labels}))
    monkeypatch.setattr("metaopt.report.analysis.predictions._BATCH", 2)
    assert digest_test_set(ArrayImages(images, {"label": labels})) == digest
    assert digest_test_set(ArrayImages(images[::-1], {"label": labels})) != digest
    assert digest_test_set(ArrayImages(images, {"label": labels[::-1].copy()})) != digest


def test_scores_of_images_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = ImageScores(np.array([0.5, 1.5]), "PSNR (dB)", "digest")
    read = read_predictions(tmp_path, write_predictions(tmp_path, 1, scores))
    assert isinstance(read, ImageScores)
    assert (read.scores.tolist(), read.measure, read.test_set) == ([0.5, 1.5], "PSNR (dB)", "digest")
