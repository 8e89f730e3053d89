"""``metaopt retrain``: train the best network on all but the test images, export it, and test it once."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metaopt.cli.arguments import (
    SKIP_BROKEN,
    Parser,
    add_preference,
    add_study,
    add_study_files,
    fraction,
    integer,
    number,
    one_of,
)
from metaopt.cli.errors import guarded
from metaopt.cli.retrain_card import write_card
from metaopt.cli.retrain_checks import (
    RECIPE,
    refuse_flags_of_other_data,
    refuse_without_effect,
    warn_of_own_training,
)
from metaopt.cli.retrain_ensemble import check_ensemble_flags, train_ensemble
from metaopt.cli.retrain_held_out import describe_held_out, hold_out_images
from metaopt.cli.retrain_limits import find_constraints, require_constraints
from metaopt.cli.retrain_log import new_log, write_test_log
from metaopt.cli.retrain_measurement import Measured, append_measurement, measure, measure_in_memory
from metaopt.cli.retrain_networks import FinalTraining, build_model, describe_origin, train, warn_of_file, warn_of_size
from metaopt.cli.retrain_plan import (
    BEST,
    CHOSEN,
    Plan,
    make_plan,
    plan_candidates,
    repeat,
    with_schedule,
    with_trained_point,
)
from metaopt.cli.retrain_result import describe_next_step, print_result, print_seeds
from metaopt.cli.study_inputs import require_same_network, require_source, study_data, study_problem
from metaopt.data.augment import AUGMENTATIONS
from metaopt.data.split import CALIBRATION, CLASS_CALIBRATION
from metaopt.problems.training_config import COOLDOWN, SCHEDULES
from metaopt.quantities import plural
from metaopt.report.analysis.seeds import spread_of_seeds
from metaopt.report.analysis.test_log import read_test_log
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, module, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata, check_writable

if TYPE_CHECKING:
    from metaopt.training.retraining import RetrainedNetwork


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
    ensemble = "average the best of the K best trials, the Pareto front first: those are kept whose average is best"
    add("--ensemble", type=integer(2), metavar="K", help=ensemble)
    seeds = "train N models with different seeds and show how the test scores vary; the file has the first one"
    add("--seeds", type=integer(1), default=1, metavar="N", help=seeds)
    temperature = "fit a temperature of the probabilities on held-out images, so that they are neither too sure nor too"
    add("--temperature", action="store_true", help=f"{temperature} unsure")
    add("--skip-broken", action="store_true", help=SKIP_BROKEN)
    limits = "a further constraint, beside those of the search, e.g. precision[CLASS]>=0.95@95%%; may be repeated"
    add("--constraint", action="append", metavar="CONSTRAINT", help=limits)
    held = (
        "share of the training and validation images that is held out for calibration: for the thresholds of classes"
        f" with limits (default: {CLASS_CALIBRATION:g}), and for temperature, labels or an ensemble (default:"
        f" {CALIBRATION:g})"
    )
    add("--calibration", type=fraction, metavar="SHARE", help=held)
    output = f"file of the model (default: {BEST}, or {CHOSEN} with --point, in the study's folder)"
    add("--output", type=absolute, metavar="FILE", help=output)
    add_study_files(parser)
    add_preference(parser)
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Train, export, load the exported model, and test it.

    Raises:
        UserError: There is no study or no best trial, its data or its network have changed, or the training diverged.
        ConstraintViolated: The exported model violates a constraint; it is written and its test is recorded.
    """
    study = Study.load(arguments.results, arguments.prefer)
    recipe = {name: value for name in RECIPE if (value := getattr(arguments, name)) is not None}
    plan = make_plan(
        study, arguments.point, arguments.epochs, arguments.seed, arguments.output, recipe, arguments.members
    )
    if arguments.point is None and study.choice_note:
        print_wrapped(f"note: {study.choice_note}")
    check_ensemble_flags(arguments.ensemble, point=arguments.point, members=arguments.members, seeds=arguments.seeds)
    check_writable(plan.output)
    log = read_test_log(study.folder)
    require_source(study, arguments.space)
    # Before the problem's file, whose own settings, such as a dtype policy, are to stay in force.
    with suppressed_stderr():
        backend.prepare(deterministic=bool(study.settings.get("deterministic")))
    problem = study_problem(study, arguments.space)
    require_same_network(study, problem)
    are_given = arguments.epochs is not None
    plans = [plan]
    if arguments.ensemble is not None:
        plans = plan_candidates(study, plan, arguments.ensemble, are_epochs_given=are_given)
    plans = [with_trained_point(each, problem) for each in plans]
    plans = [with_schedule(each, problem, study, are_epochs_given=are_given) for each in plans]
    plan = plans[0]
    refuse_without_effect(problem, recipe)
    data = study_data(study, augment=arguments.augment, skip_broken=arguments.skip_broken, given=arguments.data)
    refuse_flags_of_other_data(data, mirror=arguments.mirror, temperature=arguments.temperature)
    constraints = find_constraints(study, arguments.constraint or (), data)
    if arguments.ensemble is not None and len(plans) == 1:
        print_wrapped("note: There is one trial that an ensemble could have, so a single network is trained.")
    tunes = arguments.temperature or len(plans) > 1
    data, held = hold_out_images(constraints, data, arguments.calibration, tunes=tunes)
    warn_of_own_training(problem)
    warn_of_size(plan, problem, constraints, data)
    final = FinalTraining(study, problem, data, held, constraints, arguments.mirror, arguments.temperature)
    if len(plans) == 1:
        _announce(final, plan, arguments.seeds)
    trained, metadata, measured, is_loadable = _train_and_test(final, plans)
    seeds = [(plan.seed, measured.values)]
    for repeated in repeat(plan, arguments.seeds)[1:]:
        seeds.append((repeated.seed, _test_seed(final, repeated, len(seeds) + 1, arguments.seeds)))
    seeds = seeds if len(seeds) > 1 else []
    path = append_measurement(final, plan, trained, metadata, measured, seeds)
    print_result(study, plan, measured, log, data)
    spread = spread_of_seeds([scores for _, scores in seeds]) if seeds else {}
    if spread:
        print_seeds(spread)
    print(f"appended to the test log: {printable(shown(path))}")
    card = write_card(final, plan, metadata, measured, log, spread)
    print(f"model card: {printable(shown(card))}")
    if is_loadable:
        print_wrapped(describe_next_step(plan, data))
    require_constraints(plan.output, measured.constraints, metadata)


def _announce(final: FinalTraining, plan: Plan, seeds: int) -> None:
    """Print what is going to be trained."""
    times = "" if plan.members * seeds == 1 else f" {plan.members * seeds} times"
    cooldown = plan.recipe.get("schedule") == COOLDOWN
    print_wrapped(
        f"retraining {plan.name}{times} for {plural(plan.epochs, 'epoch')} ({plan.reason}) on"
        f" {plural(len(final.data.for_retraining()), final.data.noun)}, training and validation together"
        f"{describe_held_out(final.data)}{'; the learning rate falls to 0 in the last fifth' if cooldown else ''}",
        flush=True,
    )


def _train_and_test(
    final: FinalTraining, plans: Sequence[Plan]
) -> "tuple[list[RetrainedNetwork], ModelMetadata, Measured, bool]":
    """Train the networks of a plan, or the ensemble of several ones, write their model, and test the file.

    Returns:
        The networks, the metadata of the model, its test, and whether Keras loads its file.
    """
    from metaopt.training.export import save_model
    from metaopt.training.retraining import find_file_problem

    plan = plans[0]
    problem = find_file_problem(final.problem, plan.point, final.data)
    if problem is not None:
        print_wrapped(warn_of_file(problem, "The trained model is tested in memory. "), flush=True)
    log = new_log(final.study.folder)
    weights = None
    if len(plans) == 1:
        trained, origin = train(final, plan, log), describe_origin(final, plan)
    else:
        trained, weights, origin = train_ensemble(final, plans, log)
    if log is not None:
        print_wrapped(f"TensorBoard log of the training: `{module('tensorboard.main', '--logdir', log.parent)}`.")
    model, metadata = build_model(final, trained, origin, weights)
    measurements: list[Measured] = []

    def test(file: Path, digest: str) -> None:
        unloadable = None if problem is None else model
        measurements.append(measure(final, file, digest, trained, metadata, unloadable))

    save_model(model, metadata, plan.output, test)
    (measured,) = measurements
    if log is not None:
        training = trained[0].training if final.problem.has_blueprint else None
        write_test_log(log, plan, training, measured.scores, measured.class_scores)
    return trained, metadata, measured, problem is None


def _test_seed(final: FinalTraining, plan: Plan, number: int, seeds: int) -> dict[str, float]:
    """Train a point with another seed and return its test scores; its model is not written."""
    trained = train(final, plan, prefix=f"training {number} of {seeds} · ")
    model, metadata = build_model(final, trained, describe_origin(final, plan), is_quiet=True)
    return measure_in_memory(final, model, metadata)
