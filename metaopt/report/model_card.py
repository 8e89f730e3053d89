"""Model card in Markdown: what a model is for, how it was trained and tested, and what it cannot do.

Its sections are those of Mitchell et al. 2019, "Model cards for model reporting" (arXiv:1810.03993), as far as a
training can fill them in by itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metaopt.quantities import size_text
from metaopt.report.analysis.confusion import Confusion
from metaopt.report.analysis.evaluation import ClassScore, JudgedConstraint, Score
from metaopt.report.analysis.reliability import Reliability
from metaopt.report.analysis.seeds import SeedSpread
from metaopt.report.console import constraint_line
from metaopt.report.console.evaluation import title_scores
from metaopt.terminal.printable import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


@dataclass(frozen=True)
class CardFacts:
    """Facts of a model card.

    Attributes:
        title: name of the model's file.
        written: date and time of the test, ISO 8601.
        sha256: of the model's file.
        size_bytes: size of the model's file.
        params: number of its parameters.
        macs: multiply-accumulates for one image.
        takes: what it takes, as a sentence without a stop.
        heads: head → description of what it returns.
        training: origin of the model, see ``ModelMetadata.training``.
        data: name of the data set, and description of its splits.
        images: name of a split → number of its images.
        classes: head → names of its classes.
        scores: metric → score on the test images.
        over_seeds: metric → spread over the seeds; empty for one seed.
        class_scores: head → scores of each class or label.
        confusions: head → pairs of classes that are confused most often.
        reliability: head → reliability of its probabilities.
        constraints: constraints on the model, judged.
        tests_before: number of tests on the same test images before this one.
        versions: package → version.
        device: device of the training.
        figures: title → file name of a picture beside the card.
        predict: command that predicts with the model.
    """

    title: str
    written: str
    sha256: str
    size_bytes: int
    params: int
    macs: int
    takes: str
    heads: Mapping[str, str]
    training: Mapping[str, Any]
    data: str
    images: Mapping[str, int]
    classes: Mapping[str, Sequence[str]]
    scores: Mapping[str, Score]
    over_seeds: Mapping[str, SeedSpread]
    class_scores: Mapping[str, Sequence[ClassScore]]
    confusions: Mapping[str, Sequence[Confusion]]
    reliability: Mapping[str, Reliability]
    constraints: Sequence[JudgedConstraint]
    tests_before: int
    versions: Mapping[str, str]
    device: str
    figures: Mapping[str, str] = field(default_factory=dict)
    predict: str = ""


def make_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    sections = [
        _model(facts),
        _data(facts),
        _scores(facts),
        _classes(facts),
        _probabilities(facts),
        _constraints(facts),
        _limits(facts),
        _versions(facts),
    ]
    return "\n".join(line for section in sections for line in [*section, ""]).rstrip() + "\n"


def literal(text: object) -> str:
    """Return text that Markdown shows as it is written, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _model(facts: CardFacts) -> list[str]:
    training = facts.training
    recipe = {"epochs": training.get("epochs"), "seed": training.get("seed"), "augment": training.get("augment")}
    recipe |= training.get("recipe") or {}
    lines = [
        f"# {literal(facts.title)}",
        "",
        f"It takes {literal(facts.takes)}. It returns:",
        "",
        *(f"- `{_code(head)}`: {literal(text)}" for head, text in facts.heads.items()),
        "",
        "| | |",
        "| --- | --- |",
        f"| parameters | {facts.params:,} |",
        f"| multiply-accumulates for one image | {facts.macs:,} |",
        f"| size of the file | {size_text(facts.size_bytes)} |",
        f"| SHA-256 | `{facts.sha256}` |",
        f"| tested | {literal(facts.written)} |",
        *(f"| {literal(name)} | {literal(_short(value))} |" for name, value in recipe.items()),
    ]
    if training.get("ensemble"):
        members = ", ".join(f"trial {each['trial']} (weight {each['weight']})" for each in training["ensemble"])
        lines.append(f"| mean of the networks | {literal(members)} |")
    elif training.get("members", 1) > 1:
        lines.append(f"| networks whose predictions are averaged | {training['members']} |")
    if training.get("mirror"):
        lines.append("| mirror images | averaged with the images |")
    for head, value in training.get("temperature", {}).get("values", {}).items():
        lines.append(f"| temperature of {literal(head)} | {value:.4g} |")
    point = training.get("point")
    if isinstance(point, Mapping) and not training.get("ensemble"):
        lines += ["", "Hyperparameters:", "", "| name | value |", "| --- | --- |"]
        lines += [f"| {literal(name)} | {literal(_short(value))} |" for name, value in point.items()]
    if facts.predict:
        lines += ["", "```", printable(facts.predict), "```"]
    return lines


def _data(facts: CardFacts) -> list[str]:
    lines = ["## Data", "", f"Data set: {literal(facts.data)}.", "", "| split | images |", "| --- | ---: |"]
    lines += [f"| {name} | {count:,} |" for name, count in facts.images.items()]
    for head, names in facts.classes.items():
        shown = ", ".join(map(literal, names[:50])) + (f" and {len(names) - 50:,} more" if len(names) > 50 else "")
        lines += ["", f"Classes of `{_code(head)}`: {shown}."]
    return lines


def _scores(facts: CardFacts) -> list[str]:
    titles = title_scores(facts.scores)
    lines = ["## Test scores", "", "| metric | score | 95 % interval |", "| --- | ---: | --- |"]
    lines += [
        f"| {literal(titles[name])} | {each.value:.4f} | {each.low:.4f} to {each.high:.4f} |"
        for name, each in facts.scores.items()
    ]
    lines += [
        "",
        "The intervals tell how much a score would vary over other test images of the same kind: Wilson's for shares,"
        " else a bootstrap over images. They do not include the variation over trainings.",
    ]
    if facts.over_seeds:
        n = len(next(iter(facts.over_seeds.values())).values)
        lines += ["", f"Over {n} trainings that differ in their seed (the file has the first one):", ""]
        lines += ["| metric | mean | standard deviation | lowest | highest |", "| --- | ---: | ---: | ---: | ---: |"]
        lines += [
            f"| {literal(titles[name])} | {each.mean:.4f} | {each.deviation:.4f} | {min(each.values):.4f} |"
            f" {max(each.values):.4f} |"
            for name, each in facts.over_seeds.items()
        ]
    return lines


def _classes(facts: CardFacts) -> list[str]:
    lines: list[str] = []
    for head, scores in facts.class_scores.items():
        kind = "class" if head in facts.classes else "label"
        lines += ["", f"### Each {kind} of {literal(head)}", ""]
        lines += [f"| {kind} | test images | precision | recall | F1 |", "| --- | ---: | --- | --- | ---: |"]
        lines += [
            f"| {literal(each.name)} | {each.images:,} | {_with_interval(each.precision, each.precision_interval)} |"
            f" {_with_interval(each.recall, each.recall_interval)} | {each.f1:.3f} |"
            for each in scores
        ]
    for head, pairs in facts.confusions.items():
        if pairs:
            lines += ["", f"Most frequent confusions of {literal(head)}:", ""]
            lines += ["| true class | predicted class | images |", "| --- | --- | ---: |"]
            lines += [
                f"| {literal(one.true)} | {literal(one.predicted)} | {one.count:,} of {one.images:,} |" for one in pairs
            ]
    for title, name in facts.figures.items():
        lines += ["", f"![{literal(title)}]({name})"]
    return lines[1:]


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _probabilities(facts: CardFacts) -> list[str]:
    if not facts.reliability:
        return ["## Probabilities", "", "The model predicts no probabilities, so there is no calibration error."]
    lines = ["## Probabilities", "", "| head | calibration error (ECE) | by chance, up to |", "| --- | ---: | ---: |"]
    lines += [
        f"| {literal(head)} | {each.ece:.4f} | {each.by_chance:.4f} |" for head, each in facts.reliability.items()
    ]
    wrong = [head for head, each in facts.reliability.items() if each.is_miscalibrated]
    lines += ["", "Perfect probabilities would have an error above the last column in 5 % of all test splits."]
    if wrong:
        lines += ["", f"Do not read the probabilities of {literal(', '.join(wrong))} as shares that come true."]
    return lines


def _constraints(facts: CardFacts) -> list[str]:
    if not facts.constraints:
        return ["## Constraints", "", "None was given."]
    return ["## Constraints", "", *(f"- {literal(constraint_line(each))}" for each in facts.constraints)]


def _limits(facts: CardFacts) -> list[str]:
    lines = [
        "## Limits",
        "",
        "- The scores hold for images of the same kind as the test images: the same cameras, places, preparation and"
        " shares of the classes. For others they are unknown.",
        f"- {facts.images.get('test', 0):,} test images: differences within the intervals are not resolved.",
    ]
    if facts.tests_before:
        lines.append(
            f"- The test images were used {facts.tests_before} times before for models of this study. If this model was"
            " chosen by such a score, its own score is optimistic."
        )
    if facts.classes:
        lines.append("- Every image gets one of the known classes, also one that shows none of them.")
    rare = [
        each.name for scores in facts.class_scores.values() for each in scores if each.images < 20
    ]  # Wilson's interval is then at least 0.16 wide
    if rare:
        shown = ", ".join(map(literal, rare[:20])) + (" and others" if len(rare) > 20 else "")
        lines.append(f"- Fewer than 20 test images: {shown}. Their scores are hardly known.")
    lines.append("- Bias with respect to groups of people, and robustness against attacks, were not examined.")
    return lines


def _versions(facts: CardFacts) -> list[str]:
    lines = ["## Versions", "", f"Trained on {literal(facts.device)}.", "", "| package | version |", "| --- | --- |"]
    return lines + [f"| {literal(name)} | {literal(version)} |" for name, version in facts.versions.items()]


def _code(text: str) -> str:
    return printable(text).replace("`", "'")


def _short(value: Any) -> str:
    """Return a JSON value in a line, a number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
