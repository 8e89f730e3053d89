"""``metaopt retrain``: train the best network on all but the test images, export it, and test it once."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from metaopt.cli.arguments import SKIP_BROKEN, Parser, add_study, add_study_files, fraction, integer, number, one_of
from metaopt.cli.errors import guarded
from metaopt.cli.retrain_limits import describe_held_out, find_constraints, require_constraints, with_calibration
from metaopt.cli.retrain_log import write_test_log
from metaopt.cli.retrain_networks import train, warn_of_size
from metaopt.cli.retrain_plan import BEST, CHOSEN, Plan, make_plan, with_schedule, with_trained_point
from metaopt.cli.study_inputs import FIGURES, require_same_network, require_source, study_data, study_problem
from metaopt.data import DataSet
from metaopt.data.augment import AUGMENTATIONS
from metaopt.data.split import CLASS_CALIBRATION
from metaopt.errors import UserError
from metaopt.problems.memory_estimate import estimate_memory
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import COOLDOWN, SCHEDULES
from metaopt.quantities import plural, size_text
from metaopt.report.analysis.evaluation import (
    ClassScore,
    JudgedConstraint,
    Score,
    evaluate,
    judge_constraints,
    score_classes,
)
from metaopt.report.analysis.head_predictions import HeadPredictions, collect_heads
from metaopt.report.analysis.predictions import (
    ImageScores,
    Predictions,
    digest_test_set,
    summarise_predictions,
    write_predictions,
)
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.test_log import append_to_test_log, locked_test_log, read_test_log
from metaopt.report.console import constraint_line, coverage_line, repeated_test_warning, score_lines
from metaopt.report.formatting import metric_label
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, command, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata, check_writable
from metaopt.trials.class_counts import count_classes, keep_heads
from metaopt.trials.class_thresholds import count_answers
from metaopt.trials.constraints import LATENCY, MODEL_BYTES, Constraint

if TYPE_CHECKING:
    import keras

    from metaopt.training.retraining import RetrainedNetwork

RECIPE = ("schedule", "label_smoothing", "mixup", "weight_decay")  # flags that are fields of ``Training``
COMPILED = ("schedule", "label_smoothing", "weight_decay")  # those without effect on a model of ``build_model``


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt retrain") -> int:
    """Run the command and return its exit code."""
    interrupted = "interrupted: no test score was recorded."
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), interrupted, prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Trains the best network of a study on training and validation images together, writes a model"
        " that takes raw images, and tests it once on the test images.",
    )
    add = parser.add_argument
    add("--point", type=absolute, metavar="FILE", help="retrain the point in this JSON file, or that of this record")
    add(
        "--epochs",
        type=integer(1),
        metavar="N",
        help="number of epochs (default: the best epoch of the trial; or --epochs of the search, if the trial was not"
        " fully trained or its learning rate is annealed)",
    )
    add("--seed", type=integer(0), metavar="N", help="seed of weights and order (default: the study's)")
    schedules = (
        f"learning-rate schedule: {', '.join(SCHEDULES)} (default: the study's; instead of constant, {COOLDOWN})"
    )
    add("--schedule", type=one_of(SCHEDULES), help=schedules)
    augmentations = f"of training images: {', '.join(AUGMENTATIONS)} (default: the study's)"
    add("--augment", type=one_of(AUGMENTATIONS), help=augmentations)
    add("--label-smoothing", type=fraction, metavar="SHARE", help="label smoothing, e.g. 0.1")
    add("--mixup", type=number, metavar="ALPHA", help="alpha of mixup, e.g. 0.2")
    add("--weight-decay", type=number, metavar="RATE", help="decoupled weight decay, e.g. 0.01")
    add("--mirror", action="store_true", help="average the predictions for an image and its mirror image")
    add("--members", type=integer(1), default=1, metavar="N", help="average the predictions of N networks")
    add("--skip-broken", action="store_true", help=SKIP_BROKEN)
    limits = "a further constraint, beside those of the search, e.g. precision[CLASS]>=0.95@95%%; may be repeated"
    add("--constraint", action="append", metavar="CONSTRAINT", help=limits)
    held = (
        "share of the training and validation images that is held out to tune thresholds of classes, where limits on"
        f" classes are given (default: {CLASS_CALIBRATION:g})"
    )
    add("--calibration", type=fraction, metavar="SHARE", help=held)
    output = f"file of the model (default: {BEST}, or {CHOSEN} with --point, in the study's folder)"
    add("--output", type=absolute, metavar="FILE", help=output)
    add_study_files(parser)
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Train, export, load the exported model, and test it.

    Raises:
        UserError: There is no study or no best trial, its data or its network have changed, or the training diverged.
        ConstraintViolated: The exported model violates a constraint; it is written and its test is recorded.
    """
    study = Study.load(arguments.results)
    recipe = {name: value for name in RECIPE if (value := getattr(arguments, name)) is not None}
    plan = make_plan(
        study, arguments.point, arguments.epochs, arguments.seed, arguments.output, recipe, arguments.members
    )
    check_writable(plan.output)
    log = read_test_log(study.folder)
    require_source(study, arguments.space)
    # Before the problem's file, whose own settings, such as a dtype policy, are to stay in force.
    with suppressed_stderr():
        backend.prepare(deterministic=bool(study.settings.get("deterministic")))
    problem = study_problem(study, arguments.space)
    require_same_network(study, problem)
    plan = with_trained_point(plan, problem)
    plan = with_schedule(plan, problem, study, are_epochs_given=arguments.epochs is not None)
    _refuse_without_effect(problem, recipe)
    data = study_data(study, augment=arguments.augment, skip_broken=arguments.skip_broken, given=arguments.data)
    if arguments.mirror and data.standardization is not None:
        raise UserError(
            f"--mirror averages images and their mirror images, but the data are {data.noun}s: leave it out."
        )
    constraints = find_constraints(study, arguments.constraint or (), data)
    data = with_calibration(constraints, data, arguments.calibration)
    _warn_of_own_training(problem)
    warn_of_size(plan, problem, constraints, data)
    times = "" if plan.members == 1 else f" {plan.members} times"
    print(
        f"retraining {plan.name}{times} for {plural(plan.epochs, 'epoch')} ({plan.reason}) on"
        f" {plural(len(data.for_retraining()), data.noun)}, training and validation together{describe_held_out(data)}"
        f"{_cooldown(plan)}",
        flush=True,
    )
    measurements = []
    unloadable = []

    def test(
        file: Path,
        digest: str,
        trained: "list[RetrainedNetwork]",
        metadata: ModelMetadata,
        model: "keras.Model | None",
    ) -> None:
        measurements.append(_measure(constraints, file, digest, trained, metadata, data, model))
        unloadable.extend([] if model is None else [model])

    trained, metadata, log_folder = train(study, plan, problem, data, arguments.mirror, constraints, test)
    (measured,) = measurements
    if log_folder is not None:
        training = trained[0].training if problem.has_blueprint else None
        write_test_log(log_folder, plan, training, measured.scores, measured.class_scores)
    path = _append(study, plan, trained, metadata, data, measured)
    _print_result(study, plan, measured, log, data)
    print(f"appended to the test log: {printable(shown(path))}")
    _draw(study, plan, measured)
    if not unloadable:
        print(_next_step(plan, data))
    require_constraints(plan.output, measured.constraints, metadata)


def _cooldown(plan: Plan) -> str:
    if plan.recipe.get("schedule") != COOLDOWN:
        return ""
    return "; the learning rate falls to 0 in the last fifth"


def _refuse_without_effect(problem: Problem, recipe: Mapping[str, Any]) -> None:
    """Refuse flags that have no effect on a model that the user compiles."""
    given = [f"--{name.replace('_', '-')}" for name in COMPILED if name in recipe]
    if given and not problem.has_blueprint:
        have = "has" if len(given) == 1 else "have"
        raise UserError(
            f"{' and '.join(given)} {have} no effect on {problem.name}, whose build_model compiles its own models:"
            " change build_model instead."
        )


def _warn_of_own_training(problem: Problem) -> None:
    """Note that the training of the problem is not used, because it needs validation images."""
    own = problem.build_and_train
    if own is not None and "metaopt.training" not in getattr(getattr(own, "__code__", None), "co_names", ()):
        name = printable(problem.name)
        print(f"note: The build_and_train of {name} is not used: the final training is that of metaopt.")


@dataclass(frozen=True)
class Measured:
    """Measurements of the exported model.

    Attributes:
        sha256: of the model's file.
        size_bytes: size of the model's file.
        scores: metric → score on the test images.
        class_scores: head → scores of each of its classes.
        params: number of parameters of the model in the file.
        macs: multiply-accumulates for one image.
        constraints: every constraint on the model, judged.
        predictions: predictions of the first head for the test images.
        heads: predictions of every head, for figures.
        answered: head with thresholds of classes → number of test images of which a class is predicted.
    """

    sha256: str
    size_bytes: int
    scores: dict[str, Score]
    class_scores: dict[str, list[ClassScore]]
    params: int
    macs: int
    constraints: list[JudgedConstraint]
    predictions: Predictions | ImageScores
    heads: list[HeadPredictions]
    answered: dict[str, int] = field(default_factory=dict)


def _measure(
    constraints: Sequence[Constraint],
    file: Path,
    digest: str,
    trained: "list[RetrainedNetwork]",
    metadata: ModelMetadata,
    data: DataSet,
    model: "keras.Model | None",
) -> Measured:
    """Load the exported model from its file, unless it is given, and test it.

    This is the only place that uses the test images.
    """
    from metaopt.blueprint.from_keras import count_keras
    from metaopt.training.export import load_model, predict_split
    from metaopt.training.latency import describe_disturbance, measure_latency

    if model is None:
        model, _ = load_model(file)
    counts, size = count_keras(model), file.stat().st_size
    probabilities = predict_split(model, metadata, data.test())
    scores = evaluate(probabilities, data.test().labels, metadata.outputs)
    head = next(iter(probabilities))
    true = data.test().labels[head]
    predictions = summarise_predictions(metadata.outputs[head], probabilities[head], true, digest_test_set(data.test()))
    heads = collect_heads(metadata.outputs, probabilities, data.test())
    values: dict[str, float] = {
        "params": counts.params,
        **({} if counts.unknown else {"macs": counts.macs}),
        MODEL_BYTES: size,
        "memory": max(estimate_memory(each.counts, each.training) for each in trained),
        "seconds": sum(each.seconds for each in trained),
        **{name: fmean(each.final[name] for each in trained) for name in trained[0].final},
        **{name: score.value for name, score in scores.items()},
    }
    if len(metadata.outputs) == 1:
        weight = float(trained[0].training.loss_weights.get(next(iter(metadata.outputs)), 1.0))
        values["test_total_loss"] = weight * values["test_loss"] + fmean(each.penalties for each in trained)
    classes = {
        head: score_classes(probabilities[head], data.test().labels[head], names)
        for head, names in metadata.classes.items()
    }
    if any(limit.name == LATENCY for limit in constraints):
        latency = measure_latency(model, metadata.input_shape, is_raw=True)
        values[LATENCY] = latency["median_ms"]
        if describe_disturbance(latency) is not None:
            low, high = latency["low_ms"], latency["high_ms"]
            print(f"note: The latency varies from {low:.3g} to {high:.3g} ms, as other processes use the machine.")
    kept = keep_heads(constraints, data.outputs, metadata.outputs)
    images = count_classes(kept, probabilities, data.test().labels, metadata.outputs)
    calibrated = metadata.training.get("calibration", {}).get("limits", [])
    never = [each["limit"] for each in calibrated if each["value"] is None]
    limits = judge_constraints(constraints, values, images, never)
    answered = count_answers(metadata.outputs, probabilities)
    return Measured(digest, size, scores, classes, counts.params, counts.macs, limits, predictions, heads, answered)


def _append(
    study: Study,
    plan: Plan,
    trained: "list[RetrainedNetwork]",
    metadata: ModelMetadata,
    data: DataSet,
    measured: Measured,
) -> Path:
    """Append the measurement to the study's test log, and write the predictions beside it."""
    with locked_test_log(study.folder):
        number = len(read_test_log(study.folder)) + 1
        return append_to_test_log(
            study.folder,
            {
                "at": datetime.now().astimezone().isoformat(timespec="seconds"),
                "model": shown(plan.output),
                "sha256": measured.sha256,
                **metadata.training,
                "test_images": len(data.test()),
                "scores": {name: asdict(score) for name, score in measured.scores.items()},
                **({"answered": measured.answered} if measured.answered else {}),
                "limits": [judged.to_json() for judged in measured.constraints],
                "feasible": not any(judged.is_violated for judged in measured.constraints),
                "predictions": write_predictions(study.folder, number, measured.predictions, measured.heads),
                "params": measured.params,
                "macs": measured.macs,
                "seconds": round(sum(each.seconds for each in trained), 3),
                **backend.describe(),
            },
        )


def _print_result(study: Study, plan: Plan, measured: Measured, log: list[dict[str, Any]], data: DataSet) -> None:
    """Print the result."""
    print(
        f"{printable(shown(plan.output))}: {measured.params:,} parameters, {measured.macs:,} MACs,"
        f" {size_text(measured.size_bytes)}; it takes {_inputs(data)}, and {_answer(data)}"
    )
    if log:
        print(f"WARNING: {repeated_test_warning(log)}")
    first = "" if log else ", used for the first time"
    print(f"on the {len(data.test()):,} test {data.noun}s{first}:")
    for line in score_lines(measured.scores):
        print(f"  {line}")
    if measured.answered:
        print("  (scores of the most probable class of every image; limits on classes are about the answers)")
    for head, count in measured.answered.items():
        print(f"  {coverage_line(head, count, len(data.test()), 'test')}")
    if plan.record is not None and plan.record.loss is not None:
        value = study.objective.value(plan.record.loss)
        metric = metric_label(study.objective.name)
        print(f"(the {metric} of the search, {value:.4f}, selected it and is therefore optimistic)")
        if inherited := plan.record.inherited:
            print(
                f"(in the search it started from the weights of trial {inherited['trial']}, this training from scratch)"
            )
    for judged in measured.constraints:
        print(f"constraint {printable(constraint_line(judged))}")


def _draw(study: Study, plan: Plan, measured: Measured) -> None:
    """Draw the predictions for the test images."""
    from metaopt.report.plots import draw_predictions

    caption = f"{StudyData.of(study).caption} · model {plan.output.name}"
    for path in draw_predictions(measured.heads, study.folder / FIGURES, caption):
        if path.suffix == ".png":
            print(f"figure of the predictions: {printable(shown(path))}")


def _inputs(data: DataSet) -> str:
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


def _next_step(plan: Plan, data: DataSet) -> str:
    """Return a sentence with the command that predicts images with the model."""
    verb = "classify" if len(data.class_names) == len(data.outputs) else "predict"
    folder, what = Path(data.spec.data), f"{data.noun}s"
    if folder.is_dir():
        return f"To {verb} a folder of {what}: `{command('predict', plan.output, folder)}`."
    return f"To {verb} {what}: `{command('predict', plan.output)}`, followed by their files or folders."
