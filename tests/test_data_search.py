"""``metaopt.search_data``."""

from pathlib import Path

import pytest

import metaopt
from metaopt.data_search import _name_parameters, _parse
from metaopt.engine.callbacks import Callback
from metaopt.errors import StudyMismatch, UserError
from tests.conftest import ASSETS


def test_options_are_those_of_the_command() -> None:
    given = {"data": Path("pets"), "backbones": ["MobileNetV2", Path("base.keras")], "folds": "auto", "seconds": 90}
    arguments = _parse(
        {**given, "constraints": "params<=200k", "race": False, "published_point": False, "trials": None}
    )
    assert (arguments.data, arguments.backbones, arguments.folds) == ("pets", ["MobileNetV2", "base.keras"], "auto")
    assert (arguments.time, arguments.constraint, arguments.race) == (90, ["params<=200k"], False)
    assert (arguments.published_point, arguments.trials) == (None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1.5}, r"^Invalid value for folds: 1\.5\. Expected an integer >= 1, or auto\.$"),
        ({"prefer": "smal"}, r"^Invalid value for prefer: smal\. Did you mean small\?$"),
        ({"seconds": "soon"}, "^Invalid value for seconds: soon"),
        ({"fold": 3}, r"^Unknown option: fold\. Did you mean folds\?$"),
        ({"epochs": True}, r"^Invalid value for epochs: True\. Expected a number or a text\.$"),
        ({"backbones": ["absent.keras"], "space": "transfer"}, r"^The backbone absent\.keras does not exist\."),
    ],
)
def test_errors_name_parameters(tmp_path, monkeypatch, options, message) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        metaopt.search_data("digits", progress=False, **options)
    assert not (tmp_path / "results").exists()


def test_notes_name_parameters() -> None:
    assert _name_parameters("Give --folds 1, or --time; see --backbone.") == "Give folds 1, or seconds; see backbones."


class Noted(Callback):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.mark.slow
def test_a_search_begins_and_resumes(tmp_path) -> None:
    noted, options = Noted(), {"executor": "inline", "results": tmp_path / "results", "progress": False}
    given = {"space": ASSETS / "tiny_problem.py", "epochs": 1, "strategy": "random", "prefer": "small", **options}
    first = metaopt.search_data("digits", trials=1, folds=1, **given)
    study = metaopt.search_data("digits", trials=2, callbacks=[noted], **options)
    assert (len(first.records), len(study.records)) == (1, 2)
    assert study.settings["prefer"] == "small"
    assert not any("--" in note for note in noted.notes)
    with pytest.raises(StudyMismatch, match=r"number of folds \(1, not 2\)"):
        metaopt.search_data("digits", folds=2, **options)
