"""Folders whose ``labels.csv`` names the files of image targets and of their masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.data import DataSpec, load
from metaopt.data.folder_loader import load_folder
from metaopt.errors import UserError
from metaopt.outputs import ImageOutput, NumberOutput

N = 12
RNG = np.random.default_rng(0)
INPUTS = RNG.integers(0, 256, (N, 6, 8, 3), dtype=np.uint8)
TARGETS = 255 - INPUTS
MASKS = np.zeros((N, 6, 8), np.uint8)
MASKS[:, 2:4, 3:6] = 1


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(root: Path, header: str = "file,clean,clean_mask,age", rows: dict[int, str] | None = None) -> None:
    lines = [f"in/{i}.png,out/{i}.png,mask/{i}.png,{20 + i / 2}" for i in range(N)]
    for row, line in (rows or {}).items():
        lines[row] = line
    (root / "labels.csv").write_text("\n".join([header, *lines]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for i in range(N):
        save(root / "in" / f"{i}.png", INPUTS[i])
        save(root / "out" / f"{i}.png", TARGETS[i])
        save(root / "mask" / f"{i}.png", MASKS[i])
    write(root)
    return root


def test_targets_and_masks_are_read_with_other_targets(folder: Path) -> None:
    data = load_folder(folder, "6x8", None)
    assert data.outputs == {"clean": ImageOutput((6, 8, 3), True), "age": NumberOutput(("age",))}
    images, labels = data.images.batch(range(N))
    assert np.array_equal(images, INPUTS)
    assert np.array_equal(labels["clean"][..., :3], TARGETS)
    assert np.array_equal(labels["clean"][..., 3], 255 * MASKS)
    told = "Targets of pictures from labels.csv: clean is image with the masks clean_mask, age is number"
    assert told in data.notes[0]
    assert not any("does not name" in note for note in data.notes)  # targets and masks are named, too


def test_targets_are_cut_and_resized_as_the_images_are(folder: Path) -> None:
    for i in range(N):
        save(folder / "out" / f"{i}.png", INPUTS[i])
    data = load_folder(folder, 4, None)
    images, labels = data.images.batch(range(N))
    assert images.shape == (N, 4, 4, 3)
    assert np.array_equal(labels["clean"][..., :3], images)


def test_grey_targets_have_one_channel(folder: Path) -> None:
    for i in range(N):
        save(folder / "out" / f"{i}.png", TARGETS[i, ..., 0])
    data = load_folder(folder, "6x8", None)
    assert data.outputs["clean"] == ImageOutput((6, 8, 1), True)


def test_the_split_keeps_images_with_their_targets(folder: Path) -> None:
    data = load(DataSpec(str(folder), image_size="6x8"))
    images, labels = data.train.batch(range(len(data.train)))
    assert np.array_equal(labels["clean"][..., :3], 255 - images)


def test_fingerprint_changes_with_a_target(folder: Path) -> None:
    before = load_folder(folder, "6x8", None).fingerprint
    assert load_folder(folder, "6x8", None).fingerprint == before
    save(folder / "mask" / "3.png", 1 - MASKS[3])
    assert load_folder(folder, "6x8", None).fingerprint != before


def test_rows_without_a_target_are_left_out(folder: Path) -> None:
    write(folder, rows={2: "in/2.png,,mask/2.png,3"})
    data = load_folder(folder, "6x8", None)
    assert len(data.images) == N - 1
    assert np.array_equal(data.images.batch([2])[1]["clean"][0, ..., :3], TARGETS[3])


def test_the_user_leaves_out_masks_and_images(folder: Path) -> None:
    data = load_folder(folder, "6x8", None, targets={"clean_mask": "none"})
    assert data.outputs["clean"] == ImageOutput((6, 8, 3))
    assert list(load_folder(folder, "6x8", None, targets={"clean": "none", "clean_mask": "none"}).outputs) == ["age"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "out/absent.png",
            "Invalid files in column clean of labels.csv: out/absent.png (line 5): the file does not exist",
        ),
        ("out/wide.png", "out/wide.png (line 5): it has 6×9 pixels, its image in/3.png 6×8"),
        ("out/text.png", "out/text.png (line 5):"),
        ("../out/3.png", "Invalid file in line 5 of"),
    ],
)
def test_invalid_targets_are_named_with_their_line(folder: Path, column: str, message: str) -> None:
    save(folder / "out" / "wide.png", np.zeros((6, 9), np.uint8))
    (folder / "out" / "text.png").write_text("no image")
    write(folder, rows={3: f"in/3.png,{column},mask/3.png,3"})
    with pytest.raises(UserError) as raised:
        load_folder(folder, "6x8", None)
    assert message in str(raised.value)


def test_a_mask_of_another_size_or_without_pixels_is_refused(folder: Path) -> None:
    save(folder / "mask" / "4.png", np.zeros((6, 8), np.uint8))
    with pytest.raises(UserError, match=r"No pixel counts in the mask mask/4\.png \(line 6 of labels\.csv\)"):
        load_folder(folder, "6x8", None)
    save(folder / "mask" / "4.png", np.ones((5, 8), np.uint8))
    with pytest.raises(UserError, match=r"column clean_mask of labels\.csv: mask/4\.png \(line 6\): it has 5×8 pixels"):
        load_folder(folder, "6x8", None)


def test_signals_have_no_image_targets(tmp_path: Path) -> None:
    for i in range(4):
        (tmp_path / f"{i}.csv").write_text("1\n2\n3\n4\n")
        save(tmp_path / f"{i}.png", INPUTS[i])
    rows = "\n".join(f"{i}.csv,{i}.png" for i in range(4))
    (tmp_path / "labels.csv").write_text(f"file,picture\n{rows}\n")
    with pytest.raises(UserError, match="Target picture holds images, but the inputs are signals"):
        load_folder(tmp_path, None, None)
