"""Printing of JSON documents."""

import io
import json
import os
from pathlib import Path

import pytest

from metaopt.cli.json_output import print_json
from metaopt.terminal.output import safe_output

CONTENT = {"class": "猫\x9b31m\x1b[2J", "path": os.fsdecode(b"caf\xe9"), "other": "👩"}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp932", "ascii"])
def test_printed_json_keeps_its_content(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding, write_through=True))
    with safe_output():
        print_json(CONTENT, indent=2)
        print_json({"path": Path("x")})
    shown = raw.getvalue().decode(encoding)
    first, second = shown.rsplit("\n", 2)[0], shown.splitlines()[-1]
    assert json.loads(first) == CONTENT
    assert json.loads(second) == {"path": "x"}
    assert "\x9b" not in shown
    assert ("猫" in shown) == (encoding == "utf-8")  # cp932 lacks one of them
