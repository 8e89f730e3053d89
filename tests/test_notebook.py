"""A real notebook: progress, figures and page show inline."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CELLS = (
    "import metaopt\n"
    "from hyperopt import hp\n"
    "space = {'x': hp.uniform('x', -3, 3), 'kind': hp.choice('kind', ['<b>', 'b'])}\n"
    "study = metaopt.search(lambda point: (point['x'] - 1) ** 2, space, trials=6, results='parabola')",
    "study.figures",
    "study.figures['progress']",
    "metaopt.Study.load('parabola').best['loss']",
    "study.report()",
)


def test_progress_and_figures_show_inline(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel: pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install ipykernel")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    searched, figures, figure, best, page = (cell.outputs for cell in notebook.cells)
    [progress] = [output for output in searched if output.output_type == "display_data"]
    assert "6 of 6" in progress.data["text/html"]
    assert "the search ends:</b> all trials are done" in progress.data["text/html"]
    assert not [output for output in searched if output.output_type == "stream" and "trial 0" in output.text]
    assert figures[0].data["text/html"].count("data:image/png;base64,") >= 5
    assert figure[0].data["image/png"].startswith("iVBORw0KGgo")
    assert float(best[0].data["text/plain"]) < 1
    assert (tmp_path / "parabola" / "figures" / "progress.png").exists()
    assert page[0].data["text/html"].startswith("<iframe ")
    assert "&lt;html" in page[0].data["text/html"]
    assert (tmp_path / "parabola" / "figures" / "report.html").stat().st_size > 1e6
