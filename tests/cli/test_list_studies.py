"""``metaopt list``."""

import json
from pathlib import Path

from metaopt.cli.list_studies import main
from tests.cli.running import run_command


def test_stored_studies_are_listed(studies: Path, capsys) -> None:
    lines = run_command(main, capsys).out.splitlines()
    names = {line.split()[0] for line in lines[1:]}
    assert {"tpe", "asha_paused", "function"} <= names
    listed = json.loads(run_command(main, capsys, ".", "--json").out)
    assert {Path(one["folder"]).name for one in listed} == names


def test_folders_without_studies_are_one_sentence(tmp_path: Path, capsys) -> None:
    assert "There is no study in" in run_command(main, capsys, str(tmp_path)).errors[0]
    assert "There is no folder" in run_command(main, capsys, str(tmp_path / "gone")).errors[0]
