"""Figure of the rank correlations between budgets."""

from pathlib import Path

from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.fidelity_correlation import fidelity_correlation_figure
from tests.report.making import make_record, rung, study_of
from tests.report.plots.conftest import is_message

PATH = Path("unwritten.png")


def test_cells_have_correlation_and_number_of_trials(rung_study: StudyData, figures: list[Figure]) -> None:
    fidelity_correlation_figure(rung_study, PATH)
    axes = figures[0].axes[0]
    shown = [text.get_text() for text in axes.texts]
    assert shown[:4] == ["26 trials", "1.00", "1.00 to 1.00\nn = 14", "14 trials"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3", "9"]
    assert axes.get_xlabel() == "epochs"


def test_few_trials_have_no_correlation(figures: list[Figure]) -> None:
    records = [make_record(trial, results=[rung(3, resource=60), rung(12, resource=300)]) for trial in range(2)]
    fidelity_correlation_figure(study_of(records, budget_unit="seconds"), PATH)
    axes = figures[0].axes[0]
    assert [text.get_text() for text in axes.texts] == ["2 trials", "n = 2\n8 missing", "2 trials"]
    assert axes.get_xlabel() == "seconds"


def test_search_without_rungs_gives_a_message(study: StudyData, figures: list[Figure]) -> None:
    fidelity_correlation_figure(study, PATH)
    assert is_message(figures[0])
