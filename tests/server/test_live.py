"""The live page in a real browser: new trials appear without a reload, and several studies are side by side."""

from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs pip install -r requirements-serve.txt")

from tests.report.page.browser import chromium, problems, wait_for
from tests.report.searched import search_study
from tests.server.serving import serving

pytestmark = pytest.mark.slow

_TRIALS = "return document.querySelectorAll('.trials tbody tr').length"
_POINTS = "return document.querySelectorAll('[data-name=progress] .point').length"


def test_new_trials_appear_without_a_reload(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=6)
    with serving(study.folder) as address, chromium(tmp_path / "profile") as browser:
        browser.get(address)
        wait_for(lambda: browser.execute_script(_TRIALS) == 6)
        wait_for(lambda: browser.execute_script(_POINTS) == 7)  # and the star of the best
        browser.execute_script("window.isSamePage = true")
        search_study(study.folder, trials=9)
        wait_for(lambda: browser.execute_script(_TRIALS) == 9)
        wait_for(lambda: browser.execute_script(_POINTS) == 10)
        assert browser.execute_script("return window.isSamePage")
        assert browser.execute_script("return document.querySelectorAll('tr.new').length") == 3
        assert problems(browser) == []


def test_several_studies_are_side_by_side(tmp_path: Path) -> None:
    for seed in (0, 1):
        search_study(tmp_path / "studies" / f"seed{seed}", trials=6, seed=seed)
    with serving(tmp_path / "studies") as address, chromium(tmp_path / "profile") as browser:
        browser.get(address)
        lines = "return document.querySelectorAll('[data-name=best-0-trials] .scatterlayer .js-line').length"
        wait_for(lambda: browser.execute_script(lines) == 2)
        search_study(tmp_path / "studies" / "seed1", trials=8)
        cell = "return document.querySelectorAll('#studies tbody tr')[1].children[1].textContent"
        wait_for(lambda: browser.execute_script(cell) == "8 of 8")
        browser.find_element("link text", "seed1").click()
        wait_for(lambda: browser.execute_script(_TRIALS) == 8)
        assert browser.title == "seed1 · metaopt"
        assert problems(browser) == []
