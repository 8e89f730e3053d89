from concurrent.futures import ThreadPoolExecutor

import pytest

from metaopt.errors import UserError
from metaopt.report.analysis.test_log import FILE, add_measurement, earlier_looks, one_at_a_time, read_measurements

ONE = {"at": "2026-03-01T12:00:00", "scores": {"test_accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}}


def test_every_look_is_kept_and_told(tmp_path) -> None:
    assert read_measurements(tmp_path) == []
    assert earlier_looks([]) == ""
    add_measurement(tmp_path, ONE)
    assert "looked at once before (last on 2026-03-01, accuracy 0.9000)" in earlier_looks(read_measurements(tmp_path))
    add_measurement(tmp_path, ONE)
    assert read_measurements(tmp_path) == [ONE, ONE]
    assert "looked at 2 times before" in earlier_looks([ONE, ONE])


def test_measurements_at_once_are_all_kept(tmp_path) -> None:
    def look(number: int) -> int:
        with one_at_a_time(tmp_path):
            known = len(read_measurements(tmp_path))
            add_measurement(tmp_path, {**ONE, "number": number})
            return known

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(look, range(24))) == list(range(24))
    assert sorted(one["number"] for one in read_measurements(tmp_path)) == list(range(24))


def test_it_sorts_before_the_records() -> None:
    assert FILE < "model_0.0000000000_000000.json"


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1}', "{"])
def test_a_damaged_file_is_left_alone(tmp_path, content) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UserError, match="looked at"):
        read_measurements(tmp_path)
    with pytest.raises(UserError):
        add_measurement(tmp_path, ONE)
    assert (tmp_path / FILE).read_text() == content
