import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.data import decoding, image_cache
from metaopt.data.folder_scan import scan_folder
from metaopt.data.image_cache import decode_folder
from metaopt.errors import ResultsNotWritable, UserError


def mixed(i: int) -> tuple[int, int]:
    return [(90, 120), (200, 130), (70, 70)][i % 3]


@pytest.mark.parametrize(
    ("size", "image_size", "side"),
    [
        ((12, 12), None, 12),  # all agree
        ((20, 12), None, 12),  # on the central square
        ((300, 300), None, 64),  # agree, but too large for a search
        (mixed, None, 64),  # the median is 90
        (lambda i: (10 + i, 10 + i), None, 11),
        (mixed, 32, 32),
        ((12, 12), 16, 16),
    ],
)
def test_the_side_of_decoded_images(make_folder, tmp_path, size, image_size, side) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}, size=size))
    result = decode_folder(tree, image_size, tmp_path / "cache")
    assert result.sizes.shape == (side, side, 3)
    assert np.load(result.images).shape == (6, side, side, 3)
    assert len(result.pixel_digests) == len(result.file_digests) == 6


def test_a_rectangle_is_the_largest_window_of_its_aspect_ratio(tmp_path) -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 10:90] = np.linspace(40, 200, 80).astype(np.uint8)[:, None]
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "x" / name / "1.png")
    result = decode_folder(scan_folder(tmp_path / "x"), "20x40", tmp_path / "cache")
    assert result.sizes.shape == (20, 40, 3)
    image = np.load(result.images)[0]
    assert (image == np.asarray(Image.fromarray(pixels[:, 10:90]).resize((40, 20), Image.Resampling.BICUBIC))).all()
    assert not result.sizes.is_kept
    assert decode_folder(scan_folder(tmp_path / "x"), "40x100", tmp_path / "cache").sizes.is_kept


def test_an_entry_of_squares_by_an_earlier_version_is_read(make_folder, tmp_path, monkeypatch) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}))
    entry = decode_folder(tree, None, tmp_path / "cache").images.parent
    stored = json.loads((entry / "sizes.json").read_text())
    del stored["height"], stored["width"], stored["is_kept"]
    (entry / "sizes.json").write_text(json.dumps({"side": 8, "square": True, **stored}))
    (entry / "digest.txt").write_text(image_cache._digest_files(entry))
    monkeypatch.setattr(image_cache, "_write_entry", None)
    sizes = decode_folder(tree, None, tmp_path / "cache").sizes
    assert (sizes.shape, sizes.is_kept) == ((8, 8, 3), True)


def test_pixels_are_exact_without_resizing(make_folder, tmp_path) -> None:
    tree = scan_folder(make_folder({"a": 300, "b": 3}))  # more than one chunk
    images = np.load(decode_folder(tree, None, tmp_path / "cache").images)
    for row, file in enumerate(tree.files):
        assert (images[row] == np.asarray(Image.open(tree.root / file.path))).all()


def test_one_colour_image_makes_all_images_colour(make_folder, tmp_path) -> None:
    root = make_folder({"a": 3, "b": 3}, channels=1)
    assert decode_folder(scan_folder(root), None, tmp_path / "cache").sizes.channels == 1
    Image.new("RGB", (8, 8), "red").save(root / "a" / "red.png")
    assert decode_folder(scan_folder(root), None, tmp_path / "cache").sizes.channels == 3


def test_a_folder_is_decoded_once(make_folder, tmp_path, monkeypatch) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}))
    progress: list[tuple[int, int]] = []
    first = decode_folder(tree, None, tmp_path / "cache", lambda done, total: progress.append((done, total)))
    assert progress == [(6, 6)]
    monkeypatch.setattr(image_cache, "_write_entry", None)
    again = decode_folder(scan_folder(tree.root), None, tmp_path / "cache")
    assert again.images == first.images
    assert (again.pixel_digests == first.pixel_digests).all()
    assert (again.file_digests == first.file_digests).all()


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_the_cache_of_private_pictures_is_private(make_folder, tmp_path) -> None:
    root = make_folder({"a": 3, "b": 3})
    for number, (folder, file, expected) in enumerate(
        [(0o755, 0o644, 0o755), (0o700, 0o644, 0o700), (0o755, 0o600, 0o700), (0o750, 0o640, 0o750)]
    ):
        root.chmod(folder)
        next(root.rglob("*.png")).chmod(file)
        entry = decode_folder(scan_folder(root), None, tmp_path / f"cache{number}").images.parent
        assert entry.stat().st_mode & 0o777 == expected & ~0o022


def test_a_changed_file_is_decoded_again(make_folder, tmp_path) -> None:
    root = make_folder({"a": 3, "b": 3})
    first = decode_folder(scan_folder(root), None, tmp_path / "cache")
    path = root / "a" / "0.png"
    Image.new("RGB", (8, 8), "red").save(path)
    os.utime(path, ns=(1, 1))
    second = decode_folder(scan_folder(root), None, tmp_path / "cache")
    assert second.images != first.images
    assert (second.file_digests != first.file_digests).sum() == 1


def test_an_incomplete_entry_is_replaced(make_folder, tmp_path) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}))
    entry = decode_folder(tree, None, tmp_path / "cache").images.parent
    aside = entry.with_name(f"{entry.name}.part")
    entry.rename(aside)
    (aside / "images.npy").write_bytes(b"torn")
    assert np.load(decode_folder(tree, None, tmp_path / "cache").images).shape == (6, 8, 8, 3)
    assert not aside.exists()


@pytest.mark.slow
def test_concurrent_processes_decode_once(make_folder, tmp_path) -> None:
    root = make_folder({"a": 30, "b": 30})
    code = (
        "from pathlib import Path; from metaopt.data.image_cache import decode_folder; "
        "from metaopt.data.folder_scan import scan_folder; "
        f"folder, cache = scan_folder(Path({str(root)!r})), Path({str(tmp_path / 'cache')!r}); "
        "decode_folder(folder, None, cache, lambda *_: print('decoded'))"
    )
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": ":".join(sys.path)}
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(said) == [b"", b"", b"decoded\n"]


def test_without_a_cache_a_temporary_directory_is_used(make_folder) -> None:
    result = decode_folder(scan_folder(make_folder({"a": 3, "b": 3})), None, None)
    assert result.temporary is not None
    assert result.images.is_relative_to(result.temporary)


def test_unreadable_files_are_named_and_nothing_is_left(make_folder, tmp_path) -> None:
    root = make_folder({"a": 9, "b": 3})
    (root / "a" / "0.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"Cannot read image file .*a/0\.png: the file is empty\. Replace or remove it"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")
    for name in ("1", "2", "3"):
        (root / "a" / f"{name}.png").write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"0\.png: .* \(and 3 more: .*1\.png, .*2\.png, …\)\. Replace"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_a_truncated_file_is_named(make_folder, tmp_path) -> None:
    root = make_folder({"a": 3, "b": 3}, size=(64, 64))
    path = root / "b" / "1.png"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"b/1\.png: .*truncated"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")


def test_truncated_files_of_all_chunks_are_named(make_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(decoding, "_CHUNK_BYTES", 1)  # 8 images per chunk
    root = make_folder({"a": 30, "b": 3}, size=(64, 64))
    for name in ("2", "17", "29"):
        path = root / "a" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"a/2\.png: .* \(and 2 more: .*a/17\.png, .*a/29\.png\)\. Replace"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")


def test_an_unwritable_cache_raises(make_folder, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(ResultsNotWritable, match=r"The cache of decoded images .*cache cannot be written"):
        decode_folder(scan_folder(make_folder({"a": 3, "b": 3})), None, tmp_path / "cache")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_raises(make_folder, tmp_path, monkeypatch) -> None:
    write = decoding.Decoder._write

    def write_to_full_disk(decoder, files, sizes, out):
        with open("/dev/full", "wb", buffering=0) as full:
            return write(decoder, files, sizes, full)

    monkeypatch.setattr(decoding.Decoder, "_write", write_to_full_disk)
    with pytest.raises(ResultsNotWritable, match=r"No space left on device\)\. Free some disk space"):
        decode_folder(scan_folder(make_folder({"a": 3, "b": 3})), None, tmp_path / "cache")


def test_files_that_are_no_files_are_named(make_folder, tmp_path) -> None:
    root = make_folder({"a": 3, "b": 3})
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    os.mkfifo(root / "b" / "pipe.png")
    with pytest.raises(UserError, match=r"a/gone\.png: no such file or directory \(and 1 more: .*b/pipe\.png\)"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")


def break_some(root: Path) -> list[str]:
    """Break images in three ways; return their paths."""
    (root / "a" / "0.png").write_bytes(b"")  # its header cannot be read
    path = root / "b" / "1.png"
    path.write_bytes(path.read_bytes()[:-600])  # its header can
    (root / "b" / "gone.png").symlink_to(root / "nowhere.png")
    return ["a/0.png", "b/1.png", "b/gone.png"]


def test_skipped_images_are_as_if_they_did_not_exist(make_folder, tmp_path) -> None:
    def size(i: int) -> tuple[int, int]:
        return (60 + 4 * i, 50 + i)  # without the broken images the median is another

    root = make_folder({"a": 4, "b": 5}, size=size)
    broken = break_some(root)
    result = decode_folder(scan_folder(root), None, tmp_path / "cache", skip_broken=True)
    assert [path for path, _ in result.sizes.skipped] == broken
    again = decode_folder(scan_folder(root), None, tmp_path / "cache", skip_broken=True)
    assert again.sizes.skipped == [list(one) for one in result.sizes.skipped]
    for path in broken:
        (root / path).unlink()
    clean = decode_folder(scan_folder(root), None, tmp_path / "cache")
    assert result.images.read_bytes() == clean.images.read_bytes()
    assert (result.file_digests == clean.file_digests).all()
    assert replace(result.sizes, skipped=()) == replace(clean.sizes, skipped=())


def test_a_cache_of_skipped_images_serves_no_other_search(make_folder, tmp_path) -> None:
    root = make_folder({"a": 4, "b": 5})
    break_some(root)
    decode_folder(scan_folder(root), None, tmp_path / "cache", skip_broken=True)
    with pytest.raises(UserError, match="Cannot read image file"):
        decode_folder(scan_folder(root), None, tmp_path / "cache")


def test_nothing_is_skipped_if_no_image_can_be_read(make_folder, tmp_path) -> None:
    root = make_folder({"a": 2, "b": 2})
    for path in root.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"Cannot read image file .* \(and 3 more"):
        decode_folder(scan_folder(root), None, tmp_path / "cache", skip_broken=True)


def save_deep(root: Path, split: str, white: int, brightest: int | None = None) -> None:
    """Write six 16-bit images for each of two classes, whose pixels are in 0..white."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / split / name).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, white + 1, (12, 12)).astype(np.uint16)
            pixels[0, 0] = white if brightest is None else brightest
            Image.fromarray(pixels).save(root / split / name / f"{i}.png")


@pytest.mark.parametrize(
    ("white", "bits"), [(255, 8), (700, 10), (4095, 12), (2100, 12), (16_000, 14), (16_384, 16), (65_535, 16)]
)
def test_16_bit_images_use_the_bits_of_the_training_images(tmp_path, white, bits) -> None:
    save_deep(tmp_path / "d", "train", white)
    save_deep(tmp_path / "d", "test", 65_535)
    tree = scan_folder(tmp_path / "d")
    result = decode_folder(tree, None, tmp_path / "cache")
    assert (result.sizes.bits, result.sizes.clipped) == (bits, 0 if bits == 16 else 12)
    images = np.load(result.images)[..., 0]
    for row, file in enumerate(tree.files):
        pixels = np.asarray(Image.open(tree.root / file.path)).astype(int)
        assert (images[row] == np.minimum(pixels * 256 // 2**bits, 255)).all()


def overwrite(path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position, os.SEEK_END if position < 0 else os.SEEK_SET)
        old = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([old ^ 1]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: overwrite(entry / "images.npy", 400),
        lambda entry: overwrite(entry / "images.npy", -1),
        lambda entry: os.truncate(entry / "images.npy", 500),
        lambda entry: (entry / "images.npy").open("ab").write(b"more"),
        lambda entry: (entry / "images.npy").unlink(),
        lambda entry: overwrite(entry / "digests.npy", -1),
        lambda entry: (entry / "sizes.json").write_text("{}"),
        lambda entry: (entry / "digest.txt").unlink(),
    ],
)
def test_a_damaged_entry_is_decoded_again(make_folder, tmp_path, damage) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}))
    first = decode_folder(tree, None, tmp_path / "cache")
    pixels = np.load(first.images).copy()
    damage(first.images.parent)
    again = decode_folder(tree, None, tmp_path / "cache")
    assert (np.load(again.images) == pixels).all()
    assert (again.pixel_digests == first.pixel_digests).all()
    assert (again.file_digests == first.file_digests).all()


def test_a_linked_entry_is_refused_and_nothing_behind_it_deleted(make_folder, tmp_path) -> None:
    tree = scan_folder(make_folder({"a": 3, "b": 3}))
    entry = decode_folder(tree, None, tmp_path / "cache").images.parent
    entry.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "precious.txt").write_text("kept")
    entry.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"):
        decode_folder(tree, None, tmp_path / "cache")
    assert (tmp_path / "elsewhere" / "precious.txt").read_text() == "kept"
