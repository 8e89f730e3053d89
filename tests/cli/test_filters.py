"""``metaopt filters``: files that have no layers to look into."""

from pathlib import Path

from metaopt.cli.filters import main
from tests.cli.running import run_command


def test_a_study_means_its_model(capsys, studies: Path) -> None:
    (studies / "tpe" / "best.keras").unlink()
    outcome = run_command(main, capsys, "tpe")
    assert outcome.errors[0].startswith("The study in tpe has no model best.keras yet: run `")
    (studies / "tpe" / "best.keras").write_text("no model")
    assert "tpe/best.keras. Expected a .keras file" in run_command(main, capsys, "tpe").errors[0]


def test_other_files_are_one_sentence(capsys, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    (tmp_path / "a.keras").write_text("no model")
    for name, reason in (
        ("a.onnx", "has no layers to look into"),
        ("a.keras", "No class names found"),
        ("absent.keras", "does not exist"),
    ):
        outcome = run_command(main, capsys, tmp_path / name)
        assert (outcome.code, len(outcome.errors)) == (2, 1)
        assert reason in outcome.errors[0]
