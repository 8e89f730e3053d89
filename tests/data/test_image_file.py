import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.data import image_file
from metaopt.data.image_file import ImageFileError, crop_and_resize, read_header, read_image

RAMP = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (16, 1))  # (16, 16), dark to bright from left to right


@pytest.fixture
def save(tmp_path):
    def save(image: Image.Image, name: str = "image.png", **options) -> Path:
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("1", False), ("L", False), ("LA", False), ("I;16", False), ("RGB", True), ("RGBA", True), ("P", True)],
)
def test_every_mode_is_read_as_grey_and_as_colour(save, mode, colour) -> None:
    image = Image.fromarray(RAMP)
    image = Image.fromarray(RAMP.astype(np.uint16) << 8) if mode == "I;16" else image.convert("RGB").convert(mode)
    path = save(image)
    assert read_header(path) == (16, 16, 3 if colour else 1, mode == "I;16")
    for channels in (1, 3):
        pixels = read_image(path, 16, channels).image
        assert pixels.shape == (16, 16, channels)
        assert pixels.dtype == np.uint8
        if mode not in ("1", "P"):
            assert (pixels[:, :, 0] == RAMP).all()


def test_a_grey_palette_is_grey(save) -> None:
    image = Image.fromarray(RAMP).convert("P")
    assert read_header(save(image, "grey.gif")).channels == 1


def test_a_cmyk_jpeg_is_colour(save) -> None:
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "red.jpg")
    assert read_header(path).channels == 3
    red, green, blue = read_image(path, 8, 3).image[4, 4]
    assert red > 200
    assert max(green, blue) < 60


def test_transparent_pixels_become_white(save) -> None:
    path = save(Image.new("RGBA", (8, 8), (10, 20, 30, 0)))
    assert (read_image(path, 8, 3).image == 255).all()
    assert (read_image(path, 8, 1).image == 255).all()


def test_exif_orientation_is_applied(save) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to show
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:8] = 255  # bright above, as stored; to the right, as shown
    path = save(Image.fromarray(pixels), "turned.jpg", exif=exif, quality=100)
    shown = read_image(path, 16, 1).image[:, :, 0]
    assert shown[:, :6].mean() < 10
    assert shown[:, 10:].mean() > 245


def test_a_large_jpeg_shrinks_to_its_mean_colours(save) -> None:
    image = Image.fromarray(RAMP).resize((1024, 800))
    pixels = read_image(save(image, "large.jpg"), 16, 1).image[:, :, 0].astype(int)
    assert (np.diff(pixels, axis=1) >= 0).all()
    assert pixels[0, 0] < pixels[0, -1] - 150


def test_the_digest_depends_on_the_file_only(save) -> None:
    image = Image.fromarray(RAMP)
    first, second = read_image(save(image, "a.png"), 8, 1), read_image(save(image, "b.png"), 4, 1)
    assert first.file_digest == second.file_digest
    assert first.file_digest != read_image(save(image, "c.bmp"), 8, 1).file_digest


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(RAMP).resize((64, 64)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "the file is empty"), (b"no image", "not an image of a known format"), (jpeg()[:300], "(?i)truncated")],
)
def test_an_unreadable_file_has_a_reason(tmp_path, data, message) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match=message):
        (read_header(path), read_image(path, 8, 3))


def test_32_bit_pixels_raise(save) -> None:
    with pytest.raises(ImageFileError, match="32 bits"):
        read_header(save(Image.fromarray(RAMP.astype(np.float32)), "float.tiff"))


def test_a_missing_file_has_a_reason(tmp_path) -> None:
    with pytest.raises(ImageFileError, match="no such file"):
        read_header(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("height", "width", "window"), [(4, 8, (4, 9)), (8, 4, (6, 3)), (2, 2, (6, 6)), (1, 40, (1, 9))]
)
def test_the_largest_window_of_the_aspect_ratio_is_cropped(height, width, window) -> None:
    image = np.zeros((6, 9, 3), np.uint8)
    rows, columns = window
    top, left = (6 - rows) // 2, (9 - columns) // 2
    image[top : top + rows, left : left + columns] = 200
    assert (crop_and_resize(image, height, width) == 200).all()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "it is a named pipe, not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a regular file"),
        (lambda path: path.symlink_to(path), "too many levels of symbolic links"),
        (lambda path: path.symlink_to("nowhere"), "no such file or directory"),
        (lambda path: path.mkdir(), "it is a folder, not a regular file"),
    ],
)
def test_only_regular_files_are_read(tmp_path, make, reason) -> None:
    path = tmp_path / "x.png"
    make(path)
    for read in (read_header, lambda path: read_image(path, 8, 3)):
        with pytest.raises(ImageFileError, match=reason):
            read(path)


def write_png(path: Path, side: int, colour: int, channels: int) -> None:
    """Write a PNG of zeros, of which the file holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 + channels * side)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    path.write_bytes(signature + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def test_pixels_are_bounded_by_the_header(tmp_path) -> None:
    path = tmp_path / "bomb.png"
    write_png(path, 1, 2, 3)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    for read in (read_header, lambda path: read_image(path, 8, 3)):
        with pytest.raises(ImageFileError, match=r"it has too many pixels\. Expected at most 178,956,970"):
            read(path)


def test_files_that_are_too_large_are_not_read(tmp_path) -> None:
    path = tmp_path / "sparse.bmp"
    Image.fromarray(RAMP).save(path)
    os.truncate(path, 2**40)
    with pytest.raises(ImageFileError, match=r"the file has 1,099\.5 GB\. Expected at most 2\.1 GB"):
        read_header(path)


def test_postscript_is_not_given_to_another_program(tmp_path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(ImageFileError, match="not an image of a known format"):
        read_header(path)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss has other units elsewhere")
def test_threads_together_decode_within_a_bound(tmp_path) -> None:
    for number in range(4):
        write_png(tmp_path / f"{number}.png", 6_000, 6, 4)  # 36 million pixels, 144 MB in Pillow
    code = (
        "import resource, sys; from concurrent.futures import ThreadPoolExecutor; from pathlib import Path\n"
        "from metaopt.data.image_file import read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "paths = list(Path(sys.argv[1]).iterdir())\n"
        "with ThreadPoolExecutor(4) as pool: list(pool.map(lambda path: read_image(path, 8, 3), paths))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    kilobytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kilobytes < 450_000  # 8 bytes a pixel of one image, and what the others' threads need


def test_strips_do_not_change_the_pixels(save, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    path = save(Image.fromarray(rng.integers(0, 256, (40, 50, 4), np.uint8)))
    whole = read_image(path, 16, 3).image
    monkeypatch.setattr(image_file, "_STRIP_PIXELS", 170)
    assert (read_image(path, 16, 3).image == whole).all()
