"""``metaopt audit``: list near-duplicate images, and labels that networks of a study contradict."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metaopt.cli.arguments import SKIP_BROKEN, Parser, add_preference, add_study, add_study_files, integer, number
from metaopt.cli.errors import guarded, with_flags
from metaopt.cli.retrain_plan import make_plan, with_schedule, with_trained_point
from metaopt.cli.study_inputs import require_same_network, require_source, study_data, study_problem
from metaopt.data import DataSet, DataSpec, load, resolve
from metaopt.data.near_duplicates import (
    CORRELATION,
    NearDuplicate,
    Threshold,
    find_near_duplicates,
    find_threshold,
    shrink,
)
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput
from metaopt.quantities import plural
from metaopt.report.analysis.audit import FOLDER, Audit, DuplicatePair, SuspiciousLabel
from metaopt.report.analysis.label_issues import LabelIssue, find_label_issues
from metaopt.report.plots.audit_sheet import MOST, audit_sheet
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend

FOLDS = 5
"""Folds of the trainings that predict the labels, where the study has none."""


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt audit") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Lists images of a data set that look the same, and, with a study, labels that networks of its best"
        " point contradict: they are trained on folds, so that each predicts images that it has not seen. Nothing is"
        " removed or changed.",
    )
    parser.add_argument("--no-labels", action="store_true", help="compare the images only, which trains nothing")
    folds = f"folds of the trainings that predict the labels (default: the study's, or {FOLDS})"
    parser.add_argument("--folds", type=integer(2), metavar="N", help=folds)
    parser.add_argument("--epochs", type=integer(1), metavar="N", help="epochs of each (default: as for retrain)")
    correlation = (
        f"list images that correlate at least so much (default: {CORRELATION:g}, or equal ones, if many look alike)"
    )
    parser.add_argument("--correlation", type=_correlation, metavar="X", help=correlation)
    output = "folder of the lists and pictures (default: audit in the study's folder, or in the current one)"
    parser.add_argument("--output", type=absolute, metavar="FOLDER", help=output)
    parser.add_argument("--skip-broken", action="store_true", help=SKIP_BROKEN)
    add_preference(parser)
    add_study_files(parser)
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Print the lists, and write them with contact sheets.

    Raises:
        UserError: There is neither a study nor a data set, it cannot be read, or a training diverged.
    """
    study = None
    if arguments.data is None and not (arguments.results / JOURNAL).exists():
        raise UserError(f"There is no study in {shown(arguments.results)}: name one, or a data set with --data.")
    if arguments.data is None or (arguments.results / JOURNAL).exists():
        study = Study.load(arguments.results, arguments.prefer)
    if study is None:
        data = _load_alone(arguments.data, arguments.skip_broken)
    else:
        data = study_data(study, _note, skip_broken=arguments.skip_broken, given=arguments.data)
    folder = arguments.output or (absolute(FOLDER) if study is None else study.folder / FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    audit, pictures = _compare(data, folder, arguments.correlation)
    if study is not None and not arguments.no_labels:
        audit, sheets = _check_labels(study, data, audit, folder, arguments)
        pictures += sheets
    written = [*audit.write(folder), *pictures]
    for line in audit.describe(folder):
        print(printable(line))
    for path in written:
        print(printable(shown(path)))


def _correlation(text: str) -> float:
    """Return a correlation that may tell near-duplicates; less similar images are not compared by their pixels."""
    value = number(text)
    if not 0.8 <= value <= 1:
        raise ArgumentTypeError(f"{text}. Expected a number from 0.8 to 1.")
    return value


def _note(text: str) -> None:
    print_wrapped(text, file=sys.stderr)


def _load_alone(place: str, skip_broken: bool) -> DataSet:
    spec, notes = resolve(DataSpec(place, skip_broken=skip_broken), gpu=False)
    data = load(spec)
    for text in (*notes, *data.notes):
        _note(f"note: {printable(with_flags(text))}")
    return data


def _compare(data: DataSet, folder: Path, correlation: float | None) -> tuple[Audit, list[Path]]:
    """Return the near-duplicates of a data set, and the picture of some.

    Args:
        data: the data set.
        folder: folder of the picture.
        correlation: smallest correlation of near-duplicates; None for that of ``find_threshold``.
    """
    if data.noun != "image":
        _note(f"note: {data.noun.capitalize()}s are not compared: near-duplicates are found among images only.")
        return Audit(0), []
    listing, both = data.listing(), (data.everything(), data.test())
    grey = np.concatenate([shrink(each) for each in both])
    threshold = find_threshold(grey, min(data.input_shape[:2])) if correlation is None else Threshold(correlation)
    if threshold.reason:
        _note(
            f"note: Different images look alike here ({threshold.reason}): only equal or mirrored ones are listed."
            f" --correlation {CORRELATION:g} lists more."
        )
    pairs = find_near_duplicates(grey, threshold)
    # Those between splits first: they make scores optimistic.
    pairs.sort(key=lambda pair: (listing[pair.first][0] == listing[pair.second][0], -pair.correlation))
    classes = _class_names(data)
    found = [_describe_pair(pair, listing, classes) for pair in pairs]
    audit = Audit(len(listing), found)
    if not pairs:
        return audit, []
    rows = [row for pair in pairs[: MOST // 2] for row in (pair.first, pair.second)]
    texts = [f"{listing[row][1]}\n{listing[row][0]} {classes[row]}" for row in rows]
    path = folder / "near_duplicates.png"
    detail = f"Pairs side by side, those between splits first; {len(pairs):,} in all."
    audit_sheet([_image(data, row) for row in rows], texts, path, "Near-duplicate images", detail, data.name)
    return audit, [path]


def _describe_pair(pair: NearDuplicate, listing: Sequence[tuple[str, str]], classes: Sequence[str]) -> DuplicatePair:
    (first_split, first), (second_split, second) = listing[pair.first], listing[pair.second]
    return DuplicatePair(
        *(first, first_split, classes[pair.first], second, second_split, classes[pair.second]),
        round(pair.correlation, 4),
        pair.is_mirrored,
    )


def _class_names(data: DataSet) -> list[str]:
    """Return the class of each image in the order of the listing; "" without classes."""
    head, output = next(iter(data.outputs.items()))
    labels = np.concatenate([np.asarray(each.labels[head]) for each in (data.everything(), data.test())])
    return [output.names[label] for label in labels] if isinstance(output, ClassOutput) else [""] * len(labels)


def _image(data: DataSet, row: int) -> np.ndarray:
    """Return the image at a row of the listing."""
    n = len(data.everything())
    images, index = (data.everything(), row) if row < n else (data.test(), row - n)
    image: np.ndarray = images.batch([index])[0][0]
    return image


def _check_labels(
    study: Study, data: DataSet, audit: Audit, folder: Path, arguments: Namespace
) -> tuple[Audit, list[Path]]:
    """Return the audit with suspicious labels, and the picture of some."""
    head, output = next(iter(data.outputs.items()))
    if not isinstance(output, ClassOutput):
        _note(f"note: Labels are not checked: {head} of {data.name} has the kind {output.kind}. Expected classes.")
        return audit, []
    plan = make_plan(study, None, arguments.epochs, None, None)
    if study.choice_note:
        _note(f"note: {study.choice_note}")
    require_source(study, arguments.space)
    with suppressed_stderr():
        backend.prepare(deterministic=bool(study.settings.get("deterministic")))
    problem = study_problem(study, arguments.space)
    require_same_network(study, problem)
    plan = with_schedule(
        with_trained_point(plan, problem), problem, study, are_epochs_given=arguments.epochs is not None
    )
    folds = arguments.folds or max(int(study.settings.get("folds", 1)), 1)
    folds = FOLDS if folds == 1 else folds
    _note(f"note: Training {plan.name} on {folds} folds for {plural(plan.epochs, 'epoch')} each ({plan.reason}).")
    from metaopt.training.out_of_fold import predict_out_of_fold

    probabilities = predict_out_of_fold(
        *(problem, plan.point, data),
        folds=folds,
        epochs=plan.epochs,
        seed=plan.seed,
        recipe=dict(plan.recipe),
        class_weights=study.settings.get("class_weights", NO_WEIGHTS),
        report=lambda number: _note(f"fold {number} of {folds}"),
    )
    labels = np.asarray(data.everything().labels[head])
    issues = find_label_issues(labels, probabilities)
    listing = data.listing()
    found = [
        SuspiciousLabel(
            *(listing[one.row][1], listing[one.row][0], output.names[one.label], output.names[one.likely]),
            round(one.self_confidence, 4),
        )
        for one in issues
    ]
    audit = Audit(audit.n_images, audit.duplicates, found, len(labels), plan.trial)
    return audit, _draw_labels(data, issues, found, folder) if issues else []


def _draw_labels(
    data: DataSet, issues: Sequence[LabelIssue], found: Sequence[SuspiciousLabel], folder: Path
) -> list[Path]:
    path = folder / "suspicious_labels.png"
    images = [_image(data, one.row) for one in issues[:MOST]]
    texts = [f"{one.name}\n{one.label} → {one.likely}" for one in found[:MOST]]
    detail = f"Below each: its label → the likely class; the most suspicious first; {len(found):,} in all."
    audit_sheet(images, texts, path, "Suspicious labels", detail, data.name)
    return [path]
