"""The page in a real browser: its figures have their points, and hover, filter, sort, details and themes work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp
from PIL import Image

from metaopt.engine.jobs import Failed
from metaopt.report.page import write_page
from metaopt.storage.study import Study
from tests.report.page.browser import chromium, problems, wait_for
from tests.report.searched import SyntheticNetworks, search_study

pytestmark = pytest.mark.slow

TRIALS = 30
HOSTILE = "<img src=x onerror='document.title=1'>"
SPACE = {
    "x": hp.uniform("x", -1, 1),
    "branch": hp.choice("branch", [None, {"y": hp.loguniform("y", -3, 3)}, "plain"]),
    HOSTILE: hp.choice("hostile", [HOSTILE, "</script><script>document.title=2</script>"]),
}


class SometimesFailing(SyntheticNetworks):
    """Fails trial 4 with a hostile message."""

    def wait(self, handle: Any, timeout: float | None = None) -> None:
        if self.jobs and self.jobs[0].trial == 4:
            handle(Failed(self.jobs.popleft().trial, "ValueError", HOSTILE, f"Traceback: {HOSTILE}"))
            return
        super().wait(handle, timeout)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("page") / "results"
    return search_study(folder, space=SPACE, networks=SometimesFailing(), scheduler="asha", epochs=9, trials=TRIALS)


@pytest.fixture(scope="module")
def browser(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser on the page of the study."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        (page,) = write_page(study, study.folder / "figures" / "report.html")
        browser.get(page.as_uri())
        yield browser


def draw(browser: Any, name: str) -> None:
    """Scroll to a panel and wait until it is drawn."""
    browser.execute_script("document.querySelector(arguments[0]).scrollIntoView()", f'[data-name="{name}"]')
    drawn = f"""return document.querySelector('[data-name="{name}"] .main-svg') !== null"""
    wait_for(lambda: browser.execute_script(drawn))


def drawn_points(browser: Any, name: str) -> int:
    """Number of marks that a panel shows."""
    draw(browser, name)
    marks = f"""
        const marks = [...document.querySelectorAll('[data-name="{name}"] .plot .point')];
        return marks.filter((mark) => getComputedStyle(mark).display !== "none").length"""
    return wait_for(lambda: browser.execute_script(marks))


def of_panels(browser: Any, attribute: str) -> list[Any]:
    """An attribute of every panel."""
    return list(
        browser.execute_script(f"return [...document.querySelectorAll('.panel')].map(panel => panel.{attribute})")
    )


def trials_shown(browser: Any) -> list[int]:
    rows = "return [...document.querySelectorAll('.trials tbody tr')].map(row => Number(row.dataset.trial))"
    return list(browser.execute_script(rows))


def set_filter(browser: Any, text: str) -> list[int]:
    """Type into the filter, and return the trials that are shown then."""
    browser.execute_script(
        "const filter = document.getElementById('filter'); filter.value = arguments[0];"
        "filter.dispatchEvent(new Event('input'))",
        text,
    )
    return trials_shown(browser)


def test_every_figure_has_its_points(browser: Any, study: Study) -> None:
    with_best = len(study.records) + 1
    assert drawn_points(browser, "progress") == with_best
    names = browser.execute_script("return [...document.querySelectorAll('.panel')].map(panel => panel.dataset.name)")
    assert {"progress-time", "effect-0", "importance", "curves-validation", "rungs", "correlation", "costs"} <= set(
        names
    )
    for name in names:
        panel = f"""document.querySelector('[data-name="{name}"]')"""
        if browser.execute_script(f"return {panel}.querySelector('.message').textContent"):
            continue
        draw(browser, name)
        counted = f"return {panel}.querySelectorAll('.plot .point, .plot .js-line, .plot .hm, .plot canvas').length"
        assert wait_for(lambda counted=counted: browser.execute_script(counted)) > 0, name
    assert problems(browser) == []


def test_parallel_coordinates_are_drawn_under_the_policy(browser: Any) -> None:
    draw(browser, "parallel")
    axes = """return document.querySelectorAll('[data-name="parallel"] .y-axis').length"""
    assert wait_for(lambda: browser.execute_script(axes)) == 5  # the score, x, branch, y and the hostile name
    assert "WebGL" not in browser.find_element("css selector", "[data-name=parallel]").text


def test_commands_of_the_summary_are_code(browser: Any) -> None:
    summary = browser.find_element("id", "summary")
    (code,) = summary.find_elements("tag name", "code")
    assert " retrain" in code.text
    assert "`" not in summary.text


def test_the_pointer_shows_a_trial(browser: Any) -> None:
    draw(browser, "progress")
    browser.execute_script(
        "Plotly.Fx.hover(document.querySelector('[data-name=progress] .plot'), [{curveNumber: 1, pointNumber: 2}])"
    )
    text = "return document.querySelector('[data-name=progress] .hoverlayer').textContent"
    assert wait_for(lambda: browser.execute_script(text)).startswith("trial ")


def test_the_table_is_filtered(browser: Any, study: Study) -> None:
    assert trials_shown(browser) == list(range(TRIALS))
    losses = {record.trial: record.point["x"] for record in study.records}
    assert set_filter(browser, "x<0") == [trial for trial, x in sorted(losses.items()) if x < 0]
    assert set_filter(browser, "failed") == [4]
    assert set_filter(browser, "branch=plain x>=0.5") == [
        record.trial for record in study.records if record.point["branch"] == "plain" and record.point["x"] >= 0.5
    ]
    assert set_filter(browser, "no such trial") == []
    assert set_filter(browser, "") == list(range(TRIALS))


def test_the_table_is_sorted_by_a_column(browser: Any, study: Study) -> None:
    button = "document.querySelector('th[data-column=val_accuracy] button')"
    browser.execute_script(f"{button}.click()")
    scores = {record.trial: -record.loss for record in study.records if record.loss is not None}
    shown = trials_shown(browser)
    assert shown[-1] == 4  # a failed trial has no score and comes last
    assert [scores[trial] for trial in shown[:-1]] == sorted(scores.values())
    browser.execute_script(f"{button}.click()")
    assert trials_shown(browser)[0] == max(scores, key=lambda trial: (scores[trial], -trial))
    assert browser.execute_script(f"return {button}.parentElement.ariaSort") == "descending"
    browser.execute_script("document.querySelector('th[data-column=trial] button').click()")


def test_the_details_of_a_trial_name_record_and_command(browser: Any, study: Study) -> None:
    best = study.require_best()
    browser.execute_script(f"page.details.show({best.trial})")
    dialog = browser.find_element("id", "details")
    link = dialog.find_element("tag name", "a").get_attribute("href")
    record = Path(link.removeprefix("file://"))
    assert json.loads(record.read_text())["trial"] == best.trial
    assert f"--point {study.folder / record.name}" in dialog.text
    shown = browser.execute_script("return [...document.querySelectorAll('#details tbody')][1].innerText")
    assert ("branch.y" in shown) == isinstance(best.point["branch"], dict)
    browser.execute_script("document.getElementById('details').close()")


def test_hostile_names_run_nothing(browser: Any) -> None:
    assert browser.title == "results · metaopt"
    assert browser.execute_script("return document.images.length") == 1  # the drawing of the network
    failures = browser.find_element("id", "failures")
    assert HOSTILE in failures.get_attribute("textContent")


def test_dark_mode_changes_page_and_figures(browser: Any) -> None:
    draw(browser, "progress")
    background = "return getComputedStyle(document.body).backgroundColor"
    line = "return document.querySelector('[data-name=progress] .js-line').style.stroke"
    light = browser.execute_script(background), browser.execute_script(line)
    browser.find_element("id", "theme").click()
    wait_for(lambda: browser.execute_script(line) != light[1])
    assert browser.execute_script(background) != light[0]
    browser.find_element("id", "theme").click()


def test_a_phone_shows_one_column_without_scrolling_sideways(browser: Any) -> None:
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.refresh()
        assert drawn_points(browser, "effect-0") > 0
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        widths = browser.execute_script(
            "return [...document.querySelectorAll('.panel')].map(panel => panel.clientWidth)"
        )
        assert min(widths) > 300
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_plotly_beside_the_page_and_a_contact_sheet_are_loaded(browser: Any, study: Study, tmp_path: Path) -> None:
    assert browser.execute_script("return document.getElementById('images').hidden")  # a page without a contact sheet
    Image.new("RGB", (40, 20)).save(tmp_path / "sheet.png")
    sheet = tmp_path / "sheet.png"
    page, _ = write_page(study, tmp_path / "report.html", has_plotly_inside=False, contact_sheet=sheet)
    browser.get(page.as_uri())
    width = "return document.querySelector('.contact-sheet').naturalWidth"
    assert wait_for(lambda: browser.execute_script(width)) == 40
    assert not browser.execute_script("return document.getElementById('images').hidden")
    assert drawn_points(browser, "progress") == len(study.records) + 1
    assert problems(browser) == []
