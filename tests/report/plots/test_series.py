"""Series of several studies, and their line styles."""

from metaopt.report.plots.series import Series, all_constraints, all_records, line_style
from tests.report.making import make_record, study_of


def test_records_and_constraints_of_all_runs() -> None:
    runs = [
        study_of([make_record(0)], constraints=["params<=5"]),
        study_of([make_record(1), make_record(2)], constraints=["params<=5", "macs<=9"]),
    ]
    series = [Series("tpe", runs[:1]), Series("random", runs[1:])]
    assert [record.trial for record in all_records(series)] == [0, 1, 2]
    assert list(map(str, all_constraints(series))) == ["params<=5", "macs<=9"]


def test_line_styles_are_distinct() -> None:
    assert len({tuple(map(str, line_style(index).values())) for index in range(20)}) == 20
