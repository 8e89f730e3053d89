"""Test log: entries are kept, also where several processes write, and a damaged file is left alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.report.analysis.test_log import TEST_LOG, append_to_test_log, locked_test_log, read_test_log
from metaopt.storage.versions import NewerStudy

ENTRY = {"at": "2026-03-01T12:00:00", "scores": {"test_accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}}


def test_entries_are_kept(tmp_path: Path) -> None:
    assert read_test_log(tmp_path) == []
    assert append_to_test_log(tmp_path, ENTRY) == tmp_path / TEST_LOG
    append_to_test_log(tmp_path, {**ENTRY, "seed": 1})
    assert read_test_log(tmp_path) == [ENTRY, {**ENTRY, "seed": 1}]


def test_concurrent_entries_are_all_kept(tmp_path: Path) -> None:
    def append(number: int) -> int:
        with locked_test_log(tmp_path):
            known = len(read_test_log(tmp_path))
            append_to_test_log(tmp_path, {**ENTRY, "number": number})
            return known

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(append, range(24))) == list(range(24))
    assert sorted(entry["number"] for entry in read_test_log(tmp_path)) == list(range(24))


def test_temporary_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    left = [tmp_path / f".final_test{inner}.0123abcd.tmp" for inner in (".json", "_2.npz")]
    others = [tmp_path / name for name in (".final_test_notes.tmp", ".model.json.0123abcd.tmp", "final_test_1.npz")]
    for path in (*left, *others):
        path.touch()
    with locked_test_log(tmp_path):
        append_to_test_log(tmp_path, ENTRY)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


def test_file_sorts_before_the_records() -> None:
    assert TEST_LOG < "model_0.0000000000_000000.json"


@pytest.mark.parametrize("schema", [99, 2, 0, "1", None, 1.5, [1]])
def test_log_of_another_schema_is_refused_unchanged(tmp_path: Path, schema: object) -> None:
    content = json.dumps({"schema": schema, "measurements": [ENTRY]})
    (tmp_path / TEST_LOG).write_text(content)
    for use in (read_test_log, lambda folder: append_to_test_log(folder, ENTRY)):
        with pytest.raises(NewerStudy, match=r"final_test.json was written by a later version"):
            use(tmp_path)
    assert (tmp_path / TEST_LOG).read_text() == content


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", '{"schema": 1}', "{", "[" * 100_000, '{"measurements": 1}', '{"measurements": [1]}'),
        '{"measurements": [{"at": "2026-03-01"}]}',
        '{"measurements": [{"at": "2026-03-01", "scores": []}]}',
        '{"measurements": [{"at": 3, "scores": {}}]}',
        '{"measurements": [{"at": "2026-03-01", "scores": {"test_accuracy": 0.9}}]}',
        '{"measurements": [{"at": "2026-03-01", "scores": {"test_accuracy": {"value": "high"}}}]}',
        '{"measurements": [{"at": "2026-03-01", "seed": "0", "scores": {}}]}',
    ],
)
def test_damaged_file_is_refused_and_unchanged(tmp_path: Path, content: str) -> None:
    (tmp_path / TEST_LOG).write_text(content)
    with pytest.raises(UserError, match=r"The test log .* cannot be read"):
        read_test_log(tmp_path)
    with pytest.raises(UserError):
        append_to_test_log(tmp_path, ENTRY)
    assert (tmp_path / TEST_LOG).read_text() == content


def test_missing_folder_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ResultsNotWritable, match=r"final_test.json cannot be written"),
        locked_test_log(tmp_path / "file"),
    ):
        pass
