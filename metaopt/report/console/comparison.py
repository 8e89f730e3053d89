"""A comparison as tables and sentences: framed on a terminal, plain columns where the output is piped or a file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from metaopt.report.analysis.scores import describe_metric
from metaopt.report.analysis.significance import FEWEST_FOR_CHI_SQUARED, LEVEL
from metaopt.report.console.progress_state import count, duration

_NOTHING = "–"
# Wider than any line, so that plain columns are never broken.
_UNBROKEN = 10_000
_SCORES = {
    "test_accuracy": "accuracy",
    "test_top3": "top-3",
    "test_precision": "precision",
    "test_loss": "cross-entropy",
}
# Columns of words, flush left, and those of them whose words may be broken into lines; all others stay whole.
_WORDS = ("study", "strategy", "of", "score", "first", "second", "verdict")
_BREAKABLE = ("strategy", "of", "score", "verdict")


@dataclass(frozen=True)
class Section:
    """A table with what is to be said below it.

    Attributes:
        title: above it.
        header: the columns' names; one may be broken where space is scarce.
        rows: one text per column.
        remarks: sentences.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()


def print_comparison(comparison: dict[str, Any], stream: TextIO) -> None:
    """Prints what ``side_by_side.compare`` found."""
    framed = stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    console = Console(file=stream, highlight=False, width=None if framed else _UNBROKEN, no_color=not framed)
    for section in sections(comparison):
        _print(console, section, framed)
    for note in comparison["notes"]:
        console.print(Text(f"note: {note}"))


def _print(console: Console, section: Section, framed: bool) -> None:
    console.print(Text(section.title, style="bold"))
    if section.rows:
        table = Table(box=box.SIMPLE_HEAD if framed else None, pad_edge=False, padding=(0, 0 if framed else 1))
        for name in section.header:
            justify: Literal["left", "right"] = "left" if name in _WORDS else "right"
            title = name if framed else name.replace("\n", " ")
            table.add_column(title, justify=justify, no_wrap=name not in _BREAKABLE)
        for row in section.rows:
            table.add_row(*map(Text, row))
        console.print(table)
    for remark in section.remarks:
        console.print(Text(remark, style="dim" if framed else ""))
    console.print()


def sections(comparison: dict[str, Any]) -> list[Section]:
    """The tables, in the order of reading."""
    found = [_searches(comparison["studies"])]
    if any(study["test"] for study in comparison["studies"]):
        found.append(_scores(comparison["studies"]))
    found.append(_limits(comparison["limits"]))
    found.append(_models(comparison["models"]))
    found.append(_strategies(comparison["strategies"]))
    return found


def _searches(studies: Sequence[dict[str, Any]]) -> Section:
    header = ["study", "strategy", "seed", "trials", "failed", "time", "best", "by\ntrial", "params", "MACs"]
    rows = []
    for study in studies:
        best = study["best"]
        found = [_NOTHING] * 4
        if best is not None:
            counts = [_NOTHING if best[name] is None else count(best[name]) for name in ("params", "macs")]
            found = [f"{best['score']:.4f}", str(best["trial"]), *counts]
        searched = [str(study["trials"]), str(study["failed"]), duration(study["seconds"])]
        rows.append([study["study"], study["group"], str(study["seed"]), *searched, *found])
    remarks = ["The best of many on the images that chose it: optimistic, and the more so the more trials there were."]
    if any(study["best"] is None for study in studies):
        remarks.append(f"{_NOTHING}: no trial keeps the limits.")
    objectives = dict.fromkeys(describe_metric(study["objective"]) for study in studies)
    data = dict.fromkeys(study["data"] for study in studies if study["data"])
    of = f" on {', '.join(data)}" if data else ""
    return Section(f"Searches for the best {', '.join(objectives)}{of}", header, rows, remarks)


def _scores(studies: Sequence[dict[str, Any]]) -> Section:
    tests = [(study, study["test"]) for study in studies if study["test"]]
    by_loss = any(study["objective"] in ("val_loss", "convergence") for study, _ in tests)
    known = [name for name in _SCORES if name != "test_loss" or by_loss]
    names = [name for name in known if any(name in test["scores"] for _, test in tests)]
    rows = []
    for study, test in tests:
        trial = "own point" if test["trial"] is None else f"trial {test['trial']}"
        of = f"{trial}, seed {test['seed']}"
        rows.append([study["study"], of, *(_interval(test["scores"].get(name)) for name in names)])
        if test["means"]:
            of = f"mean of {test['retrainings']}"
            rows.append([study["study"], of, *(_interval(test["means"].get(name)) for name in names)])
    remarks = ["95 % intervals: over test images for one model, over seeds of the retraining (Student's t) for a mean."]
    often = [f"{study['study']} {test['looks']} times" for study, test in tests if test["looks"] > 1]
    if often:
        remarks.append(
            f"The test images were looked at more than once ({', '.join(often)}): the first measurement of each best"
            " network is shown, as a later one may have been picked by its score."
        )
    header = ["study", "of", *(_SCORES[name] for name in names)]
    return Section("Retrained models on the test images", header, rows, remarks)


def _interval(score: dict[str, float] | None) -> str:
    if score is None:
        return _NOTHING
    return f"{score['value']:.3f} ({score['low']:.3f}–{score['high']:.3f})"


def _limits(groups: Sequence[dict[str, Any]]) -> Section:
    limits = list(dict.fromkeys(limit for group in groups for limit in group["limits"]))
    title = "Share of the trained trials that kept each limit"
    if not limits:
        return Section(title, [], [], ["No study has limits but that on memory."])
    rows = [
        [
            group["group"],
            str(group["trained"]),
            *(_share(group["limits"].get(limit)) for limit in limits),
            _share(group["all"]),
        ]
        for group in groups
    ]
    remark = "Trials that failed have no scores and are left out. Params and macs are kept before any training."
    return Section(title, ["strategy", "trained", *limits, "all limits"], rows, [remark])


def _share(share: dict[str, Any] | None) -> str:
    return _NOTHING if share is None else f"{share['share']:.1%}"


def _models(models: dict[str, Any]) -> Section:
    title = f"Model against model: McNemar's test on the test images ({models['measure']})"
    rows = []
    for test in models["tests"]:
        way = "exact" if test["exact"] else f"χ² {test['statistic']:.3g}"
        sides = [str(test["only_first"]), str(test["only_second"]), str(test["images"])]
        p_values = [p_text(test["p_value"]), p_text(test["p_holm"])]
        rows.append([test["first"], test["second"], *sides, way, *p_values, _models_verdict(test)])
    header = ["first", "second", "only\nfirst", "only\nsecond", "images", "test", "p", "p\n(Holm)", "verdict"]
    way = (
        "Only first, only second: images that one of the two alone gets right. Exact (binomial) where these are fewer"
        f" than {FEWEST_FOR_CHI_SQUARED}, else chi-squared with continuity correction. Holm: corrected for all pairs."
    )
    nothing = "No two studies have retrained models that answered for the same test images."
    return Section(title, header, rows, [way, models["about"]] if rows else [nothing])


def _models_verdict(test: dict[str, Any]) -> str:
    if test["p_holm"] > LEVEL:
        return "no difference is shown"
    return f"{test['first'] if test['only_first'] > test['only_second'] else test['second']} is better"


def _strategies(strategies: dict[str, Any]) -> Section:
    rows = []
    for test in strategies["tests"]:
        wins = f"{test['first_better']} : {test['second_better']}"
        difference = test["median_difference"]
        median = _NOTHING if difference is None else f"{difference:+.4f}".replace("-", "−")
        p_values = [p_text(test["p_value"]), p_text(test["p_holm"])]
        score = f"test {_SCORES[test['measure']]}" if test["measure"] in _SCORES else describe_metric(test["measure"])
        seeds = str(len(test["seeds"]))
        rows.append([score, test["first"], test["second"], seeds, wins, median, *p_values, test["verdict"]])
    header = ["score", "first", "second", "seeds", "wins", "median\ndifference", "p", "p\n(Holm)", "verdict"]
    remarks = [strategies["about"]]
    if rows:
        remarks.append(
            "With fewer common seeds than are needed even the clearest outcome could be chance: nothing can be said."
        )
    return Section("Strategy against strategy, over common seeds", header, rows, remarks)


def p_text(p_value: float) -> str:
    """A p-value with two digits that say something."""
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.2g}"
