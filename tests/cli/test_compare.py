"""``metaopt compare``: tables, JSON, figures and invalid input."""

import json
from pathlib import Path

import pytest

from metaopt.__main__ import main as metaopt
from metaopt.cli.compare import main
from tests.cli.running import run_command
from tests.report.searched import log_test, search_study


@pytest.fixture
def studies(tmp_path: Path) -> list[Path]:
    made = [search_study(tmp_path / "a", trials=8), search_study(tmp_path / "b", sampler="tpe", trials=8)]
    for study, wrong in zip(made, (20, 60), strict=True):
        log_test(study, wrong)
    return [study.folder for study in made]


@pytest.mark.slow
def test_tables_and_figures(capsys, studies, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown, _, _ = run_command(main, capsys, *studies)
    assert code == 0
    assert "a is better" in shown
    pictures = shown.splitlines()[-3:]
    assert [Path(path).name for path in pictures] == ["best_so_far.png", "trade_off.png", "test_scores.png"]
    assert all((tmp_path / "comparison" / Path(path).name).stat().st_size > 10_000 for path in pictures)


@pytest.mark.slow
def test_json_output_is_json_alone(capsys, studies, tmp_path: Path) -> None:
    code, shown, _, _ = run_command(main, capsys, *studies, "--json", "--output", tmp_path / "out")
    found = json.loads(shown)
    assert code == 0
    assert list(found) == ["studies", "limits", "models", "strategies", "notes", "figures"]
    assert found["models"]["tests"][0]["p_value"] < 0.001
    assert found["studies"][0]["test"]["scores"]["test_accuracy"]["value"] == 0.95
    assert all(Path(path).exists() for path in found["figures"])


@pytest.mark.slow
def test_objectives_are_in_separate_figures(capsys, studies, tmp_path: Path) -> None:
    other = search_study(tmp_path / "c", objective="val_loss", trials=3)
    code, shown, _, _ = run_command(main, capsys, *studies, other.folder, "--json", "--output", tmp_path / "out")
    assert code == 0
    names = [Path(path).name for path in json.loads(shown)["figures"]]
    assert names == ["best_so_far_1.png", "trade_off_1.png", "best_so_far_2.png", "trade_off_2.png", "test_scores.png"]


def test_invalid_input_is_one_sentence(capsys, studies, tmp_path: Path) -> None:
    for arguments, reason in (
        ([studies[0]], "at least two studies"),
        ([], "at least two studies"),
        ([studies[0], studies[0]], "the same study"),
        ([studies[0], tmp_path / "absent"], "There is no study in"),
        ([*studies, "--jsn"], "Did you mean --json"),
    ):
        code, shown, errors, _ = run_command(main, capsys, *arguments)
        assert (code, shown, len(errors)) == (2, "", 1)
        assert reason in errors[0]


def test_unwritable_figures_exit_with_6(capsys, studies, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, _, errors, _ = run_command(main, capsys, *studies, "--output", tmp_path / "taken")
    assert code == 6
    assert "best_so_far.png cannot be written" in errors[0]


def test_compare_is_a_command_of_metaopt(capsys, studies) -> None:
    assert metaopt(["compare", str(studies[0])]) == 2
    assert "metaopt compare" in capsys.readouterr().err
