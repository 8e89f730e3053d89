"""``metaopt report``: the page and the figures of a study."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.cli.report import main
from metaopt.storage.journal_lines import encode
from tests.cli.running import run_command
from tests.engine.synthetic import search


@pytest.mark.slow
def test_figures_are_drawn_and_their_paths_printed(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=3, space={"x": hp.uniform("x", -1, 1), "branch": None})
    outcome = run_command(main, capsys, "--results", study.folder)
    page, *paths = [Path(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert page == study.folder / "figures" / "report.html"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {path.name for path in paths} >= {"progress.png", "learning_curves.png"}
    assert all(path.parent == study.folder / "figures" and path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_the_page_alone_may_be_written_elsewhere(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=3)
    page = tmp_path / "shown" / "page.html"
    flags = ("--output", page, "--plotly", "beside", "--no-figures")
    outcome = run_command(main, capsys, study.folder, *flags)
    assert outcome.out.splitlines() == [str(page), str(page.with_name("plotly.min.js"))]
    assert sorted(path.name for path in page.parent.iterdir()) == ["page.html", "plotly.min.js"]
    assert not (study.folder / "figures").exists()
    assert '"records":"../results/"' in page.read_text(encoding="utf-8")


def test_no_other_file_is_replaced_by_the_page(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=1)
    (tmp_path / "space.py").write_text("space = {}")
    (message,) = run_command(main, capsys, study.folder, "--output", tmp_path / "space.py").errors
    assert message.endswith("space.py. Expected the name of a page, which ends in .html.")
    assert (tmp_path / "space.py").read_text() == "space = {}"


def test_a_study_of_a_later_version_is_an_error(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=1)
    journal = study.folder / "journal.jsonl"
    later = encode({"seq": len(journal.read_bytes().splitlines()), "group": 0, "event": "dreamt", "version": "9.0"})
    journal.write_bytes(journal.read_bytes() + later)
    outcome = run_command(main, capsys, study.folder)
    assert outcome.code == 2
    assert "was written by metaopt 9.0" in outcome.errors[0]


@pytest.mark.slow
def test_decisions_of_auto_are_drawn_and_told(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=6, epochs=3, sampler="auto", scheduler="auto")
    outcome = run_command(main, capsys, "--results", study.folder)
    assert outcome.code == 0
    assert (study.folder / "figures" / "decisions.png").read_bytes().startswith(b"\x89PNG")
    assert all(line.startswith(str(tmp_path)) for line in outcome.out.splitlines())
    assert "auto trained " in outcome.err
    assert "The best trials:" in outcome.err


def test_a_missing_study_is_an_error(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", tmp_path / "absent")
    assert outcome.code == 2
    assert outcome.errors == [
        f"There is no study in {tmp_path / 'absent'}: run a search first, or name the folder of another one."
    ]
