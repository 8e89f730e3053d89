"""The tables: plain columns where the output is piped, framed on a terminal, and right numbers in both."""

import io
from pathlib import Path

import pytest

from metaopt.report.analysis.compared_studies import group_contenders, load_contenders
from metaopt.report.analysis.comparison import compare
from metaopt.report.console.comparison import p_text, print_comparison
from tests.report.contest import make_study, retrain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def comparison(tmp_path: Path) -> dict:
    limits = ("params<=3e5",)
    one = make_study(tmp_path / "one", constraints=limits)
    other = make_study(tmp_path / "other", sampler="tpe", constraints=limits)
    nothing = make_study(tmp_path / "nothing", seed=1, constraints=("params<=1",))
    retrain(one, 20)
    retrain(one, 40, seed=1)
    retrain(other, 60)
    contenders = load_contenders([one.folder, other.folder, nothing.folder])
    return compare(contenders, group_contenders(contenders))


def test_plain_where_it_is_piped(comparison: dict) -> None:
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
        "–: no trial keeps the limits.",
    ):
        assert said in text


def test_framed_on_a_terminal(comparison: dict, monkeypatch) -> None:
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


def test_without_models_and_limits_it_says_so(tmp_path: Path) -> None:
    folders = [make_study(tmp_path / str(seed), seed=seed, trials=3).folder for seed in range(2)]
    contenders = load_contenders(folders)
    stream = io.StringIO()
    print_comparison(compare(contenders, group_contenders(contenders)), stream)
    assert "No study has limits but that on memory." in stream.getvalue()
    assert "No two studies have retrained models" in stream.getvalue()
    assert "Retrained models on the test images" not in stream.getvalue()


def test_cross_entropy_is_shown_to_who_searched_by_it(tmp_path: Path) -> None:
    folders = []
    for seed in range(2):
        study = make_study(tmp_path / str(seed), seed=seed, objective="val_loss", trials=3)
        retrain(study, 20)
        folders.append(study.folder)
    contenders = load_contenders(folders)
    stream = io.StringIO()
    print_comparison(compare(contenders, group_contenders(contenders)), stream)
    assert "cross-entropy" in stream.getvalue()


def test_small_p_values_are_short() -> None:
    assert [p_text(p) for p in (1e-9, 0.00012, 0.0312, 0.5, 1.0)] == ["<0.0001", "0.00012", "0.031", "0.5", "1"]
