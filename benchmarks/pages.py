#!/usr/bin/env python3
"""How quickly the page of a large study opens, and how far behind a live page is, in a headless Chromium.

``open`` simulates a search of the reference space with Hyperband, writes its page with ``report``, and opens the file:
seconds from the navigation to the summary, to the first rows of the table, and to the first drawn figure, median of the
repeats; and the CPU seconds of the page's thread by then, which other programs do not change. A profile is new for each
of them, so that nothing is cached.

``live`` serves a study whose journal grows by 100 trials a minute, as a search writes it: seconds from the
line that ends a trial to its row in the page, and CPU seconds of the server.

    python3 benchmarks/pages.py open [--trials 10000] [--repeats 5]
    python3 benchmarks/pages.py live [--known 0] [--per-minute 100] [--seconds 120]

It needs selenium, Chromium and its driver, and for ``live`` requirements-serve.txt.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scaling_studies import Watch, curve, run_search  # noqa: E402

from metaopt.executors import Simulated  # noqa: E402
from metaopt.report.page import write_page  # noqa: E402
from metaopt.storage.files import Unsynced  # noqa: E402
from metaopt.storage.journal_lines import decode  # noqa: E402
from metaopt.storage.study import JOURNAL, Study  # noqa: E402
from tests.report.page.browser import chromium  # noqa: E402

STRATEGY = "hyperband"
# Seconds since the navigation at which each part of the page is there; polled by the page itself at each frame.
_WATCH = """
const found = window.found = {}, start = performance.timeOrigin;
const parts = { summary: ".tile", table: ".trials tbody tr", figure: ".plot .main-svg .scatterlayer, .plot canvas" };
(function look() {
  for (const [name, selector] of Object.entries(parts)) {
    if (!(name in found) && document.querySelector(selector)) found[name] = performance.now() / 1000;
  }
  if (Object.keys(found).length < 3) requestAnimationFrame(look);
})();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    opening = commands.add_parser("open")
    opening.add_argument("--trials", type=int, default=10_000)
    opening.add_argument("--repeats", type=int, default=5)
    live = commands.add_parser("live")
    live.add_argument("--known", type=int, default=0, help="trials that the study has at the beginning")
    live.add_argument("--per-minute", type=float, default=100)
    live.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.command == "open":
            measure_opening(Path(folder), arguments.trials, arguments.repeats)
        else:
            measure_delay(Path(folder), arguments.known, arguments.per_minute, arguments.seconds)


def make_study(folder: Path, trials: int) -> Study:
    """Return a study of the reference space, of simulated trainings."""
    executor = Simulated(lambda job: curve(job, 20.0), 8, 1.0)
    run_search(folder, STRATEGY, trials, executor, Watch(), Unsynced())
    return Study.load(folder)


def measure_opening(folder: Path, trials: int, repeats: int) -> None:
    study = make_study(folder / "results", trials)
    begin = time.perf_counter()
    (page,) = write_page(study, study.folder / "figures" / "report.html")
    seconds = time.perf_counter() - begin
    print(f"{trials} trials: written in {seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB")
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        with chromium(folder / f"profile{number}") as browser:
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
            browser.get(page.as_uri())
            while len(times := browser.execute_script("return window.found")) < 3:
                time.sleep(0.05)
            metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
            times["figure, CPU of the page's thread"] = {each["name"]: each["value"] for each in metrics}[
                "TaskDuration"
            ]
        for name, value in times.items():
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        print(f"  {name}: {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f}, n = {repeats})")


def measure_delay(folder: Path, known: int, per_minute: float, seconds: float) -> None:
    n_new = int(per_minute * seconds / 60)
    whole = make_study(folder / "whole", known + n_new)
    lines = (whole.folder / JOURNAL).read_bytes().splitlines(keepends=True)
    ends = [(index, event["trial"]) for index, line in enumerate(lines) if (event := _ended(line)) is not None]
    growing = folder / "growing"
    growing.mkdir()
    # A trial may end several times, at each of its rungs: every one is an end.
    first = ends[max(0, len(ends) - n_new - 1)][0] + 1
    (growing / JOURNAL).write_bytes(b"".join(lines[:first]))
    server = subprocess.Popen(
        [sys.executable, ROOT / "metaopt", "serve", growing, "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    address = server.stdout.readline().split()[0]
    try:
        with chromium(folder / "profile") as browser:
            browser.get(address)
            while not browser.execute_script("return document.querySelector('.trials tbody tr') !== null"):
                time.sleep(0.1)
            browser.execute_script(_FOLLOW)
            cpu_before = _cpu_s(server.pid)
            written = _grow(growing / JOURNAL, lines[first:], 60 / per_minute)
            time.sleep(10)
            seen = browser.execute_script("return window.seen")
        cpu_s = _cpu_s(server.pid) - cpu_before
    finally:
        server.terminate()
    delays = [seen[str(trial)] - at for trial, at in written.items() if str(trial) in seen]
    print(f"{known} known trials, {len(written)} more at {per_minute:g} a minute: {len(delays)} seen")
    print(f"  delay: median {statistics.median(delays):.2f} s, longest {max(delays):.2f} s")
    print(f"  server: {cpu_s:.1f} CPU seconds in {len(written) * 60 / per_minute:.0f} s")


# Notes the time, in seconds since the epoch, at which a trial is first in the page's table with a result.
_FOLLOW = """
window.seen = {};
const update = page.table.update.bind(page.table);
page.table.update = (content) => {
  update(content);
  requestAnimationFrame(() => content.rows.forEach((row) => {
    if (row.status !== "running" && !(row.trial in window.seen)) window.seen[row.trial] = Date.now() / 1000;
  }));
};
"""


def _ended(line: bytes) -> dict[str, Any] | None:
    event = decode(line)
    return event if event is not None and event["event"] in ("ended", "paused") else None


def _grow(journal: Path, lines: list[bytes], pause_s: float) -> dict[int, float]:
    """Append lines, and wait after each one that ends a job; return when each trial had its first result."""
    written: dict[int, float] = {}
    with journal.open("ab") as file:
        due = time.time()
        for line in lines:
            file.write(line)
            file.flush()
            event = _ended(line)
            if event is not None:
                written.setdefault(event["trial"], time.time())
                due += pause_s
                time.sleep(max(0.0, due - time.time()))
    return written


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
