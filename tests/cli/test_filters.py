"""``metaopt filters``: files that have no layers to look into."""

from pathlib import Path

from metaopt.cli.filters import main
from tests.cli.running import run_command


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
