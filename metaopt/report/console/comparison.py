"""Comparison of studies as tables: framed on a terminal, plain columns where the output is piped or a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from metaopt.report.analysis.comparison.significance import MIN_FOR_CHI_SQUARED
from metaopt.report.analysis.multiple_testing import LEVEL
from metaopt.report.console.progress import is_terminal
from metaopt.report.formatting import format_count, format_duration, metric_label
from metaopt.terminal.output import terminal
from metaopt.terminal.printable import printable

_UNKNOWN = "–"
# Wider than any line, so that plain columns are never wrapped.
_MAX_WIDTH = 10_000
_SCORES = {
    "test_accuracy": "accuracy",
    "test_top3": "top-3",
    "test_precision": "precision",
    "test_loss": "cross-entropy",
    "test_map": "average precision",
    "test_f1": "F1",
    "test_mae": "MAE",
    "test_r2": "R²",
    "test_psnr": "PSNR",
    "test_ssim": "SSIM",
}
_OF_OTHERS = ("test_map", "test_f1", "test_mae", "test_r2", "test_psnr", "test_ssim")  # scores of no classifier
# Columns of text, flush left, and those of them that may be wrapped.
_TEXT_COLUMNS = ("study", "strategy", "of", "score", "first", "second", "verdict")
_WRAPPED_COLUMNS = ("strategy", "of", "score", "verdict")


@dataclass(frozen=True)
class Section:
    """A table with remarks.

    Attributes:
        title: title above the table.
        header: names of the columns, with a line break where space is scarce.
        rows: one text per column.
        remarks: sentences below the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()


def print_comparison(comparison: dict[str, Any], stream: TextIO) -> None:
    """Print the result of ``compare``.

    Args:
        comparison: the result.
        stream: where it is printed.
    """
    is_framed = is_terminal(stream)
    width = None if is_framed else _MAX_WIDTH
    console = Console(file=terminal(stream), highlight=False, width=width, no_color=not is_framed)
    for section in sections(comparison):
        _print_section(console, section, is_framed)
    for note in comparison["notes"]:
        console.print(Text(printable(f"note: {note}")))


def _print_section(console: Console, section: Section, is_framed: bool) -> None:
    console.print(Text(printable(section.title), style="bold"))
    if section.rows:
        table = Table(box=box.SIMPLE_HEAD if is_framed else None, pad_edge=False, padding=(0, 0 if is_framed else 1))
        for name in section.header:
            justify: Literal["left", "right"] = "left" if name in _TEXT_COLUMNS else "right"
            title = name if is_framed else name.replace("\n", " ")
            table.add_column(title, justify=justify, no_wrap=name not in _WRAPPED_COLUMNS)
        for row in section.rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console.print(table)
    for remark in section.remarks:
        console.print(Text(printable(remark), style="dim" if is_framed else ""))
    console.print()


def sections(comparison: dict[str, Any]) -> list[Section]:
    """Return the tables in their order."""
    found = [_searches(comparison["studies"])]
    if any(study["test"] for study in comparison["studies"]):
        found.append(_scores(comparison["studies"]))
    found.append(_constraints(comparison["limits"]))
    if not comparison["models"].get("bootstraps"):
        found.append(_models(comparison["models"]))
    else:
        if comparison["models"]["tests"]:
            found.append(_models(comparison["models"]))
        found.append(_bootstraps(comparison["models"]))
    found.append(_strategies(comparison["strategies"]))
    return found


def _searches(studies: Sequence[dict[str, Any]]) -> Section:
    header = ["study", "strategy", "seed", "trials", "failed", "time", "best", "by\ntrial", "params", "MACs"]
    rows = []
    for study in studies:
        best = study["best"]
        best_texts = [_UNKNOWN] * 4
        if best is not None:
            counts = [_UNKNOWN if best[name] is None else format_count(best[name]) for name in ("params", "macs")]
            best_texts = [f"{best['score']:.4f}", str(best["trial"]), *counts]
        searched = [str(study["trials"]), str(study["failed"]), format_duration(study["seconds"])]
        rows.append([study["study"], study["group"], str(study["seed"]), *searched, *best_texts])
    remarks = ["The best of several validation scores is optimistic, the more so the more trials there are."]
    if any(study["best"] is None for study in studies):
        remarks.append(f"{_UNKNOWN}: no trial is feasible.")
    objectives = dict.fromkeys(metric_label(study["objective"]) for study in studies)
    data = dict.fromkeys(study["data"] for study in studies if study["data"])
    on = f" on {', '.join(data)}" if data else ""
    return Section(f"Searches for the best {', '.join(objectives)}{on}", header, rows, remarks)


def _scores(studies: Sequence[dict[str, Any]]) -> Section:
    tests = [(study, study["test"]) for study in studies if study["test"]]
    by_loss = any(study["objective"] in ("val_loss", "convergence") for study, _ in tests)
    known = [name for name in _SCORES if name != "test_loss" or by_loss]
    are_classifiers = any("test_accuracy" in test["scores"] for _, test in tests)
    known = [name for name in known if name not in _OF_OTHERS or not are_classifiers]
    names = [name for name in known if any(name in test["scores"] for _, test in tests)]
    rows = []
    for study, test in tests:
        trial = "given point" if test["trial"] is None else f"trial {test['trial']}"
        of = f"{trial}, seed {test['seed']}"
        rows.append([study["study"], of, *(_interval(test["scores"].get(name)) for name in names)])
        if test["means"]:
            of = f"mean of {test['retrainings']}"
            rows.append([study["study"], of, *(_interval(test["means"].get(name)) for name in names)])
    remarks = ["95 % intervals: over test images for one model, over seeds of the retraining (Student's t) for a mean."]
    repeated = [f"{study['study']} {test['looks']} times" for study, test in tests if test["looks"] > 1]
    if repeated:
        remarks.append(
            f"Some studies were tested more than once ({', '.join(repeated)}): the first test of each best network is"
            " shown, as a later one may have been chosen by its score."
        )
    header = ["study", "of", *(_SCORES[name] for name in names)]
    return Section("Retrained models on the test images", header, rows, remarks)


def _interval(score: dict[str, float] | None) -> str:
    if score is None:
        return _UNKNOWN
    return f"{score['value']:.3f} ({score['low']:.3f}–{score['high']:.3f})"


def _constraints(groups: Sequence[dict[str, Any]]) -> Section:
    names = list(dict.fromkeys(name for group in groups for name in group["limits"]))
    title = "Share of the trained trials that met each constraint"
    if not names:
        return Section(title, [], [], ["No study has a constraint other than on memory."])
    rows = [
        [
            group["group"],
            str(group["trained"]),
            *(_share(group["limits"].get(name)) for name in names),
            _share(group["all"]),
        ]
        for group in groups
    ]
    remark = (
        "Failed trials have no scores and are left out. Every trained network meets the constraints on params and macs."
    )
    return Section(title, ["strategy", "trained", *names, "all"], rows, [remark])


def _share(share: dict[str, Any] | None) -> str:
    return _UNKNOWN if share is None else f"{share['share']:.1%}"


def _models(models: dict[str, Any]) -> Section:
    title = f"Model against model: McNemar's test on the test images ({models['measure']})"
    rows = []
    for test in models["tests"]:
        kind = "exact" if test["exact"] else f"χ² {test['statistic']:.3g}"
        sides = [str(test["only_first"]), str(test["only_second"]), str(test["images"])]
        p_values = [p_text(test["p_value"]), p_text(test["p_holm"])]
        rows.append([test["first"], test["second"], *sides, kind, *p_values, _models_verdict(test)])
    header = ["first", "second", "only\nfirst", "only\nsecond", "images", "test", "p", "p\n(Holm)", "verdict"]
    remark = (
        "Only first, only second: images that only one of the two classifies correctly. Exact (binomial) with fewer"
        f" than {MIN_FOR_CHI_SQUARED} of them, otherwise chi-squared with continuity correction. Holm: corrected for"
        " all pairs."
    )
    nothing = "No two studies have retrained models with predictions for the same test images."
    return Section(title, header, rows, [remark, models["about"]] if rows else [nothing])


def _bootstraps(models: dict[str, Any]) -> Section:
    rows = []
    for test in models["bootstraps"]:
        better = test["first"] if test["difference"] > 0 else test["second"]
        verdict = "no difference is shown" if test["p_holm"] > LEVEL else f"{better} is better"
        interval = f"{test['difference']:+.4g} ({test['low']:+.4g} to {test['high']:+.4g})".replace("-", "−")
        p_values = [p_text(test["p_value"]), p_text(test["p_holm"])]
        rows.append([test["measure"], test["first"], test["second"], str(test["images"]), interval, *p_values, verdict])
    header = ["score", "first", "second", "images", "first better by", "p", "p\n(Holm)", "verdict"]
    remark = (
        "Mean over images of the score of each, first minus second (of an error, second minus first), with its 95 %"
        " bootstrap interval. Holm: corrected for all pairs."
    )
    return Section("Model against model: paired bootstrap on the test images", header, rows, [remark])


def _models_verdict(test: dict[str, Any]) -> str:
    if test["p_holm"] > LEVEL:
        return "no difference is shown"
    return f"{test['first'] if test['only_first'] > test['only_second'] else test['second']} is better"


def _strategies(strategies: dict[str, Any]) -> Section:
    rows = []
    for test in strategies["tests"]:
        wins = f"{test['first_better']} : {test['second_better']}"
        difference = test["median_difference"]
        median = _UNKNOWN if difference is None else f"{difference:+.4f}".replace("-", "−")
        p_values = [p_text(test["p_value"]), p_text(test["p_holm"])]
        score = f"test {_SCORES[test['measure']]}" if test["measure"] in _SCORES else metric_label(test["measure"])
        seeds = str(len(test["seeds"]))
        rows.append([score, test["first"], test["second"], seeds, wins, median, *p_values, test["verdict"]])
    header = ["score", "first", "second", "seeds", "wins", "median\ndifference", "p", "p\n(Holm)", "verdict"]
    remarks = [strategies["about"]]
    if rows:
        remarks.append(
            "With too few common seeds no outcome is significant; the verdict is then that nothing can be said."
        )
    return Section("Strategy against strategy, over common seeds", header, rows, remarks)


def p_text(p_value: float) -> str:
    """Return a p-value with two significant digits."""
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.2g}"
