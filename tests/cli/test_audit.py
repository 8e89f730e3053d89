"""``metaopt audit``: near-duplicates and suspicious labels, listed and never removed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from metaopt.cli import audit, report
from metaopt.report.analysis.audit import read_audit
from tests.cli.running import run_command


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Noise of two classes; a test image is a mirrored training image, and two training images are equal."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 4)):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                coarse = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
                Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    train, test = tmp_path / "pets" / "train", tmp_path / "pets" / "test"
    with Image.open(train / "cat" / "3.png") as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(test / "cat" / "0.png")
        image.save(train / "dog" / "5.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_duplicates_of_a_folder_are_listed_without_a_study(pictures: Path, capsys) -> None:
    before = sorted(path.name for path in pictures.rglob("*.png"))
    outcome = run_command(audit.main, capsys, "--data", "pets")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].startswith("3 pairs of near-duplicates among 32 images: 2 between ")
    assert any("test/cat/0.png (test) " in line or "test/cat/0.png (test)" in line for line in lines[1:3])
    assert "mirrored, correlation 1.000" in outcome.out
    with (pictures / "audit" / "near_duplicates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {rows[0]["first_split"], rows[0]["second_split"]} - {"test"}, "pairs between splits come first"
    pair = next(row for row in rows if {row["first_class"], row["second_class"]} == {"cat", "dog"})
    assert {pair["first"], pair["second"]} >= {"train/dog/5.png"}
    assert (pictures / "audit" / "near_duplicates.png").exists()
    after = sorted(path.name for path in (pictures / "pets").rglob("*.png"))
    assert after == before, "nothing is removed"


def test_digits_look_alike_unless_a_correlation_is_given(tmp_path: Path, monkeypatch, capsys) -> None:
    digits = load_digits()
    images = [Image.fromarray((image * 15.9).astype(np.uint8)).resize((28, 28)) for image in digits.images[:120]]
    np.savez(tmp_path / "digits28.npz", x_train=np.stack(images), y_train=digits.target[:120])
    monkeypatch.chdir(tmp_path)
    outcome = run_command(audit.main, capsys, "--data", "digits28.npz")
    assert outcome.out.startswith("0 pairs of near-duplicates among 120 images.")
    assert "Different images look alike here (" in outcome.err
    more = run_command(audit.main, capsys, "--data", "digits28.npz", "--correlation", "0.95")
    assert "look alike" not in more.err
    assert int(more.out.split()[0]) > 0
    refused = run_command(audit.main, capsys, "--data", "digits28.npz", "--correlation", "0.2")
    assert refused.code == 2
    assert "Expected a number from 0.8 to 1." in refused.err


def test_audit_without_study_or_data_says_what_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(audit.main, capsys)
    assert outcome.code == 2
    assert "There is no study in results: name one, or a data set with --data." in outcome.err


def test_image_that_cannot_be_read_is_named(pictures: Path, capsys) -> None:
    (pictures / "pets" / "train" / "cat" / "1.png").write_bytes(b"no image")
    outcome = run_command(audit.main, capsys, "--data", "pets")
    assert outcome.code == 2
    assert "train/cat/1.png" in outcome.err
    assert run_command(audit.main, capsys, "--data", "pets", "--skip-broken").code == 0


@pytest.mark.slow  # trains with Keras
def test_labels_are_checked_by_networks_of_the_best_point(studies: Path, capsys) -> None:
    outcome = run_command(audit.main, capsys, "tpe", "--folds", "2", "--epochs", "1", "--space", "tiny_problem.py")
    assert outcome.code == 0
    assert "on 2 folds for 1 epoch each (as given)" in outcome.err
    found = read_audit(studies / "tpe")
    assert found is not None
    assert found.n_labels > 100
    assert found.labels is not None
    assert f"{len(found.labels):,} suspicious" in outcome.out.replace("1 suspicious label ", "1 suspicious")
    shown = run_command(report.main, capsys, "tpe", "--no-figures")
    assert shown.code == 0
    assert "suspicious label" in shown.err
