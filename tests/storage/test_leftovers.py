"""Temporary files of killed searches are removed by the next search; other files stay."""

import os
import re
from pathlib import Path

import pytest

from metaopt.files.atomic_files import create_temporary
from metaopt.storage.study import pickle_path
from metaopt.storage.study_header import HEADER
from tests.engine.synthetic import search


def temporary(path: Path, age_s: float = 3600.0) -> Path:
    """Make a file as a killed writer leaves it."""
    with create_temporary(path) as file:
        file.write(b"half")
    name = Path(file.name)
    os.utime(name, (name.stat().st_atime, name.stat().st_mtime - age_s))
    return name


@pytest.mark.parametrize("folder_name", ["results", "r" * 245, "ü" * 120])
def test_temporary_files_of_a_killed_search_are_removed(tmp_path, folder_name):
    folder = tmp_path / folder_name
    search(folder, trials=2)
    record = next(folder.glob("model_*.json"))
    own = (record, folder / "failed_000009.json", folder / HEADER, folder / "journal.jsonl", pickle_path(folder))
    left = [temporary(path) for path in own]
    assert re.fullmatch(r"\..+\.[0-9a-f]{8}\.tmp", left[0].name)
    search(folder, trials=3)
    assert [path for path in left if path.exists()] == []


def test_files_of_other_names_and_writers_stay(tmp_path):
    folder = tmp_path / "results"
    search(folder, trials=2)
    kept = [temporary(folder / name) for name in ("notes.json", "best.keras", "final_test.json", "model_1.json")]
    kept.append(temporary(tmp_path / "other.pkl"))
    kept.append(temporary(pickle_path(folder), age_s=-3600.0))  # younger than this process
    for name in (".journal.header.tmp", ".journal.header.0123456.tmp", "journal.header.01234567.tmp", ".a.tmp"):
        kept.append(folder / name)
        kept[-1].write_text("mine")
        os.utime(kept[-1], (0, 0))
    (tmp_path / "target").write_text("mine")
    link, subfolder = folder / ".journal.header.0123abcd.tmp", folder / ".journal.header.0123abce.tmp"
    link.symlink_to(tmp_path / "target")
    os.utime(tmp_path / "target", (0, 0))
    subfolder.mkdir()
    search(folder, trials=3)
    assert [path for path in (*kept, link, subfolder) if not path.exists()] == []
