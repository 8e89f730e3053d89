"""``metaopt status``."""

import json
from pathlib import Path

from metaopt.cli.status import main
from tests.cli.running import run_command


def test_status_of_stored_studies(studies: Path, capsys) -> None:
    shown = run_command(main, capsys, "tpe")
    assert shown.code == 0
    assert "state   completed" in shown.out
    status = json.loads(run_command(main, capsys, "asha_paused", "--json").out)
    assert (status["strategy"], status["goal"]) == ("asha", 14)
    assert status["trials"] == {"paused": 6, "interrupted": 1}


def test_a_missing_study_is_one_sentence(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, str(tmp_path / "nothing"))
    assert outcome.code == 2
    assert outcome.errors[0].startswith("There is no study in")
