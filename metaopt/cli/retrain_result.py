"""Result of ``metaopt retrain`` on the console."""

from pathlib import Path
from typing import Any

from metaopt.cli.retrain_measurement import Measured
from metaopt.cli.retrain_plan import Plan
from metaopt.data import DataSet
from metaopt.quantities import plural, size_text
from metaopt.report.analysis.seeds import SeedSpread
from metaopt.report.console import (
    constraint_line,
    coverage_line,
    reliability_line,
    repeated_test_warning,
    score_lines,
    seed_lines,
)
from metaopt.report.formatting import metric_label
from metaopt.storage.study import Study
from metaopt.terminal.commands import command, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped


def print_result(study: Study, plan: Plan, measured: Measured, log: list[dict[str, Any]], data: DataSet) -> None:
    """Print the result."""
    print_wrapped(
        f"{printable(shown(plan.output))}: {measured.params:,} parameters, {measured.macs:,} MACs,"
        f" {size_text(measured.size_bytes)}; it takes {describe_inputs(data)}, and {_answer(data)}"
    )
    if log:
        print_wrapped(f"WARNING: {repeated_test_warning(log)}")
    first = "" if log else ", used for the first time"
    print_wrapped(f"on the {len(data.test()):,} test {data.noun}s{first}:")
    for line in score_lines(measured.scores):
        print(f"  {line}")
    if measured.answered:
        print_wrapped("  (scores of the most probable class of every image; limits on classes are about the answers)")
    for head, count in measured.answered.items():
        print_wrapped(f"  {coverage_line(head, count, len(data.test()), 'test')}")
    for head, reliability in measured.reliability.items():
        print_wrapped(f"  {reliability_line(head, reliability)}")
    if plan.record is not None and plan.record.loss is not None:
        value = study.objective.value(plan.record.loss)
        metric = metric_label(study.objective.name)
        print_wrapped(f"(the {metric} of the search, {value:.4f}, selected it and is therefore optimistic)")
        if inherited := plan.record.inherited:
            print_wrapped(
                f"(in the search it started from the weights of trial {inherited['trial']}, this training from scratch)"
            )
    for judged in measured.constraints:
        print_wrapped(f"constraint {printable(constraint_line(judged))}")


def describe_inputs(data: DataSet) -> str:
    """Return what the exported model takes."""
    if data.standardization is not None:
        return f"float32 {data.noun}s of shape {data.input_shape}, standardises them itself"
    height, width, channels = data.input_shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{colour} uint8 images of any size, resizes them to {height}×{width} itself"


def _answer(data: DataSet) -> str:
    """Return what the exported model tells about its outputs."""
    if len(data.class_names) == len(data.outputs):
        return "contains the names of its classes"
    return f"returns {', '.join(f'{head} ({output.kind})' for head, output in data.outputs.items())}"


def describe_next_step(plan: Plan, data: DataSet) -> str:
    """Return a sentence with the command that predicts images with the model."""
    verb = "classify" if len(data.class_names) == len(data.outputs) else "predict"
    folder, what = Path(data.spec.data), f"{data.noun}s"
    if folder.is_dir():
        return f"To {verb} a folder of {what}: `{command('predict', plan.output, folder)}`."
    return f"To {verb} {what}: `{command('predict', plan.output)}`, followed by their files or folders."


def print_seeds(spread: dict[str, SeedSpread]) -> None:
    """Print how much the test scores vary over the trainings of one point."""
    n = len(next(iter(spread.values())).values)
    print_wrapped(
        f"over {plural(n, 'training')} with different seeds, mean ± standard deviation (the file has the first one):"
    )
    for line in seed_lines(spread):
        print(f"  {line}")
