"""Text that is safe to show."""

import json
import os
import subprocess
import unicodedata

import pytest

from metaopt.terminal.printable import file_name, printable, printable_json, printable_lines, shell_word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("one\ntwo\r\tthree\x00\x08\x7f", "one\\ntwo\\r\\tthree\\x00\\x08\\x7f"),
        ("\x9b31m", "\\x9b31m"),  # CSI in one byte
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("\u2066x\u2069 \u200f\u2028", "\\u2066x\\u2069 \\u200f\\u2028"),
        ("zero\u200bwidth\ufeff\xad", "zero\\u200bwidth\\ufeff\\xad"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("high \ud83d alone", "high \\ud83d alone"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_unsafe_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["naïve 猫 כלב می‌خواهم 👩‍🔬 ★ × – … C:\\new ~`$%", "e\u0301"])
def test_letters_of_every_language_stay(text: str) -> None:
    assert printable(text) == printable_lines(text) == text


def test_lines_keep_breaks_and_tabs_only() -> None:
    assert printable_lines("one\n\ttwo\x1b\r\n") == "one\n\ttwo\\x1b\\r\n"


def test_every_control_character_is_escaped() -> None:
    controls = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Cc", "Cs", "Zl", "Zp")]
    assert all(printable(each).isascii() and printable(each).isprintable() for each in controls)


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "cp932", "ascii", "no such encoding"])
def test_json_keeps_its_content_in_every_encoding(encoding: str | None) -> None:
    content = {"猫 👩‍🔬": ["\x1b[2J\x9b\u202e\x7f", os.fsdecode(b"\xe9"), "\U000e0041 é"]}
    shown = printable_json(json.dumps(content, ensure_ascii=False, indent=1), encoding)
    assert json.loads(shown) == content
    assert printable_lines(shown) == shown
    if encoding not in (None, "no such encoding"):
        shown.encode(encoding)


@pytest.mark.parametrize(
    "name", [b"plain", b"two words", b"caf\xe9", b"it's\n\x1b[2J\\", "猫\u202e".encode(), b"\x80\xff'"]
)
def test_shell_word_is_printable_and_means_the_name(name: bytes) -> None:
    word = shell_word(os.fsdecode(name))
    assert printable(word) == word
    shown = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True, env={"LC_ALL": "C"})
    assert shown.stdout == name


def test_file_names_from_names_of_users_are_harmless() -> None:
    names = [
        "../../etc/passwd",
        "a/b",
        "a:b",
        "",
        ".",
        "..",
        "x" * 300,
        "x" * 301,
        "猫" * 200,
        "a\nb",
        "\x1b[2J",
        "caf\udce9",
    ]
    names += ["a_b", "\ud800", "trailing.", "trailing", "CON:"]
    parts = [file_name(name) for name in names]
    assert len(set(parts)) == len(names)
    for part in parts:
        assert 0 < len(part.encode()) <= 100
        assert printable(part) == part
        assert not set(part) & set('/\\:*?"<>|')
        assert part not in (".", "..")
    for name in ("cats and dogs", "Äpfel_2", "猫", "v1.2"):
        assert file_name(name) == name
