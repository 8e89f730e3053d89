"""Tables of a comparison: plain columns where the output is piped, framed on a terminal."""

import io
from pathlib import Path

import pytest

from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.report.console.comparison import p_text, print_comparison
from tests.report.searched import log_test, search_study


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def comparison(tmp_path: Path) -> dict:
    limits = ("params<=3e5",)
    one = search_study(tmp_path / "one", constraints=limits)
    other = search_study(tmp_path / "other", sampler="tpe", constraints=limits)
    nothing = search_study(tmp_path / "nothing", seed=1, constraints=("params<=1",))
    log_test(one, 20)
    log_test(one, 40, seed=1)
    log_test(other, 60)
    studies = load_studies([one.folder, other.folder, nothing.folder])
    return compare(studies, group_studies(studies))


def test_piped_output_is_plain(comparison: dict) -> None:
    stream = io.StringIO()
    print_comparison(comparison, stream)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert "\x1b" not in stream.getvalue()
    assert "─" not in stream.getvalue()
    assert lines[0] == "Searches for the best validation accuracy on digits"
    row = next(line for line in lines if line.startswith("nothing  "))
    assert row.split()[-4:] == ["–", "–", "–", "–"]
    assert any(line.startswith("one ") and "0.950 (0.920–0.970)" in line for line in lines)
    assert any("mean of 2" in line and "0.925 (0.607–1.243)" in line for line in lines)
    assert any(line.split()[:6] == ["one", "other", "40", "0", "400", "χ²"] for line in lines)
    text = stream.getvalue()
    for said in (
        "McNemar's test compares two trained models",
        "Strategies are compared over seeds",
        "nothing can be said (1 of 6 seeds)",
        "one 2 times",
        "note: nothing has no retrained model",
        "–: no trial is feasible.",
    ):
        assert said in text


def test_terminal_output_is_framed(comparison: dict, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    print_comparison(comparison, stream)
    assert "─" in stream.getvalue()
    assert "\x1b[1m" in stream.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    print_comparison(comparison, stream)
    assert "\x1b" not in stream.getvalue()


def test_missing_models_and_constraints_are_said(tmp_path: Path) -> None:
    folders = [search_study(tmp_path / str(seed), seed=seed, trials=3).folder for seed in range(2)]
    studies = load_studies(folders)
    stream = io.StringIO()
    print_comparison(compare(studies, group_studies(studies)), stream)
    assert "No study has a constraint other than on memory." in stream.getvalue()
    assert "No two studies have retrained models" in stream.getvalue()
    assert "Retrained models on the test images" not in stream.getvalue()


def test_cross_entropy_is_shown_if_it_was_optimised(tmp_path: Path) -> None:
    folders = []
    for seed in range(2):
        study = search_study(tmp_path / str(seed), seed=seed, objective="val_loss", trials=3)
        log_test(study, 20)
        folders.append(study.folder)
    studies = load_studies(folders)
    stream = io.StringIO()
    print_comparison(compare(studies, group_studies(studies)), stream)
    assert "cross-entropy" in stream.getvalue()


def test_p_values_are_short() -> None:
    assert [p_text(p) for p in (1e-9, 0.00012, 0.0312, 0.5, 1.0)] == ["<0.0001", "0.00012", "0.031", "0.5", "1"]
