"""Images of any number of channels. Pillow and the TIFF specification are the references."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.data.bands import BandsError, open_bands
from metaopt.data.image_file import ImageFileError, read_brightest, read_header, read_image

RNG = np.random.default_rng(0)


def tiff(pixels: np.ndarray, *, order="<", planar=1, tile=None, predictor=1, compress=False, photometric=1, extra=0):
    """Return a TIFF file of bands, written by the TIFF 6.0 specification.

    Args:
        pixels: ``(height, width, bands)``, uint8 or uint16.
        order: byte order.
        planar: 1 for bands side by side, 2 for a plane of each.
        tile: side of the tiles; None for strips of 5 rows.
        predictor: 2 for differences.
        compress: deflate.
        photometric: 1 for grey and extra samples, 2 for RGB and extra samples.
        extra: kind of the extra samples, 0 for unspecified.
    """
    height, width, bands = pixels.shape
    planes = [pixels] if planar == 1 else [pixels[..., band : band + 1] for band in range(bands)]
    blocks = []
    for plane in planes:
        step = tile or 5
        for top in range(0, height, step):
            for left in range(0, width, tile or width):
                block = plane[top : top + step, left : left + (tile or width)]
                if tile:
                    block = np.pad(block, ((0, tile - block.shape[0]), (0, tile - block.shape[1]), (0, 0)), "edge")
                if predictor == 2:
                    block = np.concatenate([block[:, :1], block[:, 1:] - block[:, :-1]], axis=1)
                raw = block.astype(block.dtype.newbyteorder(order)).tobytes()
                blocks.append(zlib.compress(raw) if compress else raw)
    bits = 8 * pixels.dtype.itemsize
    start = 8
    offsets = [start + sum(map(len, blocks[:number])) for number in range(len(blocks))]
    sizes = [len(block) for block in blocks]
    tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * bands),
        259: (3, [8 if compress else 1]),
        262: (3, [photometric]),
        277: (3, [bands]),
        284: (3, [planar]),
        317: (3, [predictor]),
        338: (3, [extra] * (bands - (1 if photometric == 1 else 3))),
        **({322: (4, [tile]), 323: (4, [tile]), 324: (4, offsets), 325: (4, sizes)} if tile else {}),
        **({} if tile else {273: (4, offsets), 278: (4, [5]), 279: (4, sizes)}),
    }
    data = b"".join(blocks)
    data += b"\0" * (len(data) % 2)
    place = start + len(data)
    after = place + 2 + 12 * len(tags) + 4
    entries, rest = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(order + ("H" if kind == 3 else "I") * len(values), *values)
        if len(packed) > 4:
            pointer = struct.pack(order + "I", after + len(rest))
            rest += packed + b"\0" * (len(packed) % 2)
            packed = pointer
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "I", place)
    return head + data + struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + rest


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": True},
        {"compress": True, "predictor": 2},
        {"planar": 2},
        {"planar": 2, "compress": True, "predictor": 2},
        {"tile": 16},
        {"tile": 16, "compress": True, "predictor": 2},
        {"tile": 16, "planar": 2, "compress": True},
        {"photometric": 2},
    ],
)
def test_bands_of_a_tiff_file_are_exact(dtype, order, options) -> None:
    pixels = RNG.integers(0, np.iinfo(dtype).max, (19, 21, 4), dtype, endpoint=True)
    bands = open_bands(io.BytesIO(tiff(pixels, order=order, **options)))
    assert bands is not None
    assert bands[:4] == (19, 21, 4, dtype == np.uint16)
    read = bands.read()
    assert read.dtype == dtype
    assert (read == pixels).all()


@pytest.mark.parametrize("bands", [2, 5, 13])
def test_any_number_of_bands_is_read(bands: int, tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (12, 12, bands), np.uint8)
    (tmp_path / "a.tif").write_bytes(tiff(pixels))
    assert read_header(tmp_path / "a.tif") == (12, 12, bands, False)
    assert (read_image(tmp_path / "a.tif", 12, bands).image == pixels).all()
    resized = read_image(tmp_path / "a.tif", (4, 6), bands).image
    alone = [Image.fromarray(pixels[2:10, :, band]).resize((6, 4), Image.Resampling.BICUBIC) for band in range(bands)]
    assert (resized == np.stack([np.asarray(each) for each in alone], axis=2)).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "CMYK", "I;16"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_files_that_pillow_decodes_are_left_to_it(mode: str, compression: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (8, 8)).save(file, "TIFF", compression=compression)
    file.seek(0)
    assert open_bands(file) is None
    assert file.tell() == 0


def test_a_fourth_band_that_is_transparency_is_transparency(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    (tmp_path / "a.tif").write_bytes(tiff(pixels, photometric=2, extra=2))
    assert read_header(tmp_path / "a.tif").channels == 3
    assert (read_image(tmp_path / "a.tif", 8, 3).image == 255).all()


def test_bands_of_16_bits_are_cut_by_the_bits_in_use(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 4096, (8, 8, 6), np.uint16)
    (tmp_path / "a.tif").write_bytes(tiff(pixels))
    assert read_brightest(tmp_path / "a.tif") == pixels.max()
    decoded = read_image(tmp_path / "a.tif", 8, 6, bits=12)
    assert (decoded.image == pixels >> 4).all()
    assert decoded.brightest == pixels.max()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (RNG.integers(0, 256, (5, 6, 7), np.uint8), None),
        (RNG.random((5, 6, 2)) < 0.5, 255),
        (RNG.random((5, 6, 7), np.float32), 255),
        (RNG.random((5, 6), np.float32), 255),
        (RNG.integers(0, 256, (5, 6, 4), np.int64), None),
    ],
)
def test_arrays_of_each_type_are_read(pixels: np.ndarray, expected: int | None, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels)
    whole = pixels if pixels.ndim == 3 else pixels[..., None]
    header = read_header(tmp_path / "a.npy")
    assert header[:3] == whole.shape
    image = read_image(tmp_path / "a.npy", (5, 6), header.channels, bits=8).image
    assert image.dtype == np.uint8
    assert (image == (whole if expected is None else np.rint(whole * np.float32(expected)))).all()


def test_a_grey_array_beside_colour_images_has_three_equal_channels(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (5, 5), np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    assert (read_image(tmp_path / "a.npy", 5, 3).image == pixels[..., None]).all()


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(5), r"its shape is \(5,\). Expected \(height, width\) or"),
        (np.zeros((3, 8, 8)), r"move the channels last with transpose\(1, 2, 0\)"),
        (np.zeros((0, 8, 8)), "its shape is"),
        (np.zeros((4, 4), complex), "its type is complex128"),
        (np.full((4, 4), np.nan), r"its floats are in nan..nan. Expected 0..1"),
        (np.full((4, 4), 2.5), r"its floats are in 2.5..2.5. Expected 0..1"),
        (np.full((4, 4), -1), r"its integers are in -1..-1. Expected 0..65,535"),
        (np.array([[object()]]), "its type is object"),
    ],
)
def test_arrays_that_are_no_images_are_errors(pixels: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels, allow_pickle=True)
    with pytest.raises(ImageFileError, match=message):
        read_image(tmp_path / "a.npy", 4, 1)


def test_damaged_files_of_bands_are_errors(tmp_path: Path) -> None:
    whole = tiff(RNG.integers(0, 256, (40, 40, 5), np.uint8), compress=True)
    data = bytearray(whole)
    data[20:60] = bytes(40)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageFileError):
        read_image(tmp_path / "a.tif", 40, 5)
    np.save(tmp_path / "a.npy", np.zeros((40, 40, 5)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-9])
    with pytest.raises(ImageFileError, match="it is truncated"):
        read_image(tmp_path / "a.npy", 40, 5)
    floats = bytearray(tiff(np.zeros((4, 4, 5), np.uint8)))
    at = floats.index(struct.pack("<HHI", 338, 3, 4))
    floats[at : at + 2] = struct.pack("<H", 339)  # a sample format of 0 in the place of extra samples
    with pytest.raises(BandsError, match="its 5 bands are not unsigned integers"):
        open_bands(io.BytesIO(floats))


def test_another_number_of_channels_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((8, 8, 5), np.uint8))
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    with pytest.raises(ImageFileError, match=r"it has 5 channels\. Expected 3"):
        read_image(tmp_path / "a.npy", 8, 3)
    with pytest.raises(ImageFileError, match=r"it is a grey or colour image\. Expected 5 channels"):
        read_image(tmp_path / "b.png", 8, 5)
