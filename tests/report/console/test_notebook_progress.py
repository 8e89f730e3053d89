"""Display of a search in a notebook."""

from pathlib import Path

import pytest

from metaopt.engine.jobs import Epoch
from metaopt.report.console.notebook_progress import Html, NotebookProgress, find_notebook
from tests.engine.synthetic import SyntheticExecutor, search


class Output:
    """The output of a cell: what is shown now, and how often it was replaced."""

    def __init__(self) -> None:
        self.places = self.updates = 0
        self.html = ""

    def show(self, html: Html) -> "Output":
        self.places += 1
        self.html = html._repr_html_()
        return self

    def update(self, html: Html) -> None:
        self.updates += 1
        self.html = html._repr_html_()


def test_one_place_of_the_output_follows_the_search(tmp_path: Path) -> None:
    output = Output()
    with NotebookProgress(output.show) as progress:
        search(
            tmp_path / "r", trials=4, callback=progress, executor=SyntheticExecutor(fails=lambda job: job.trial == 1)
        )
    assert output.places == 1
    assert output.updates >= 2
    assert "4 of 4 · 1 failed" in output.html
    assert "the search ends:</b> all trials are done" in output.html
    assert "it was told to fail" in output.html


def test_trials_in_training_have_a_bar_and_updates_are_rare() -> None:
    output, now = Output(), iter(range(1000))
    progress = NotebookProgress(output.show, clock=lambda: next(now) / 100)
    progress.begin(3, [])
    progress.trial_started(0, 50, 1200, None)
    for epoch in range(1, 51):
        progress.epoch(Epoch(0, epoch, {"val_accuracy": 0.5}, 0.1))
    assert output.updates < 20
    html = progress.render()
    assert '<progress value="50" max="50">' in html
    assert "epoch 50 of 50 · val_accuracy 0.5000 · 1.2 k parameters" in html


def test_nothing_reaches_the_page_raw() -> None:
    progress = NotebookProgress(Output().show)
    progress.begin(3, [])
    progress.note("<script>alert(1)</script>\x1b[2J")
    html = progress.render()
    assert "<script>" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;" in html


def test_an_interrupted_search_is_told() -> None:
    output = Output()
    progress = NotebookProgress(output.show)
    with pytest.raises(KeyboardInterrupt):
        _interrupt(progress)
    assert "interrupted; run again to resume" in output.html


def _interrupt(progress: NotebookProgress) -> None:
    with progress:
        progress.begin(3, [])
        progress.trial_started(0, 5, None, None)
        raise KeyboardInterrupt


def test_a_test_is_no_notebook() -> None:
    assert find_notebook() is None
