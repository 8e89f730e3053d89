"""Numbers with units."""

import pytest

from metaopt.quantities import (
    height_and_width,
    parse_count,
    parse_duration,
    parse_image_size,
    parse_size,
    plural,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [("2e6", 2e6), ("200k", 2e5), ("200 K", 2e5), ("20_000", 2e4), ("1.5M", 1.5e6), ("3G", 3e9), ("-0.5", -0.5)],
)
def test_counts_have_decimal_prefixes(text, number):
    assert parse_count(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1GB", 1e9),
        ("1gb", 1e9),
        ("500 MB", 5e8),
        ("5G", 5e9),
        ("1000", 1000),
        ("2GiB", 2 * 2**30),
        ("2 tb", 2e12),
        ("1e9", 1e9),
    ],
)
def test_sizes_are_decimal_or_binary(text, number):
    assert parse_size(text) == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5h", 5400), ("1h30m", 5400), ("1d 2h", 93600), ("2h 5m 3s", 7503), ("1e3", 1000)],
)
def test_durations_combine_units(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("parse", [parse_count, parse_size, parse_duration])
@pytest.mark.parametrize("text", ["", "k", "many", "1e999", "inf", "nan", "1 2", "3x", "1iB", "1__0"])
def test_other_texts_are_refused(parse, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        parse(text)


@pytest.mark.parametrize("text", ["30m1h", "1h1h", "1hour", "h", "1h30"])
def test_durations_name_each_unit_once_and_in_order(text):
    with pytest.raises(ValueError, match=text):
        parse_duration(text)


def test_nouns_follow_their_number():
    assert [plural(0, "trial"), plural(1, "trial"), plural(1200, "trial")] == ["0 trials", "1 trial", "1,200 trials"]
    assert plural(2, "class", "classes") == "2 classes"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (12_345, "12.3 kB"),
        (27_802_352, "27.8 MB"),
        (1.955e10, "19.6 GB"),
        (-2e9, "-2.0 GB"),
        (5e12, "5,000.0 GB"),
    ],
)
def test_sizes_have_the_largest_unit_that_they_fill(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("value", "size", "pixels"),
    [
        (32, 32, (32, 32)),
        (32.0, 32, (32, 32)),
        ("032", 32, (32, 32)),
        ("64x128", "64x128", (64, 128)),
        ("64 × 128", "64x128", (64, 128)),
        ("64x64", 64, (64, 64)),  # as in studies that were begun with the side
    ],
)
def test_image_sizes_are_sides_or_height_by_width(value, size, pixels):
    assert parse_image_size(value) == size
    assert height_and_width(size) == pixels


@pytest.mark.parametrize("value", [0, -3, 1.5, "", "x", "64x", "0x4", "4x0", "1x2x3", "6.5x3", None, (3, 4)])
def test_other_image_sizes_are_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011 the callers name the parameter
        parse_image_size(value)
