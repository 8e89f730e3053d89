"""``--dry-run`` of a search: what it would do, and what a trial costs, without beginning a study."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from metaopt.cli.contact_sheet import draw_points
from metaopt.data import DataSet
from metaopt.engine.jobs import Executor, Failed, Finished, FromScratch, Job, Rejected, Remark, Report
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, make_guard
from metaopt.engine.strategy import strategy_name
from metaopt.executors import make_executor
from metaopt.guard.acceptance import Acceptance, Draw, measure_acceptance
from metaopt.outputs import ClassOutput
from metaopt.problems.loading import shown_files
from metaopt.problems.problem import Problem, fitting
from metaopt.quantities import plural, size_text
from metaopt.report.formatting import format_count, format_duration
from metaopt.report.space_summary import describe_rejections, describe_sizes, describe_space
from metaopt.spaces import compile_space
from metaopt.storage.study import read_begun
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.quick_training import QuickTrainer, TrialCost, find_cost, quick_options

DRAWS = 500
_QUANTILES = {"small": 0.1, "medium": 0.5, "large": 0.9}
"""Names of the networks that are trained, and how many of the networks that pass have fewer MACs."""

_MOST_UNCOUNTED = 9  # draws of which three are to be trained


def dry_run(problem: Problem, data: DataSet, settings: Settings, folder: Path, check: Callable[[], None]) -> None:
    """Print what a search would do.

    Args:
        problem: the problem.
        data: its data.
        settings: resolved settings.
        folder: folder of the study, in which nothing is begun.
        check: raises what the search would raise before its first trial.

    Raises:
        UserError: The search would not begin.
    """
    check()
    images = ImageKind(data.input_shape, data.classes)
    space = compile_space(problem.space)
    acceptance = measure_acceptance(space, make_guard(problem, settings, images), DRAWS, "dry run")
    draws = choose_draws(acceptance)
    points = [draw.point for draw in draws.values()]
    trainings = fitting(problem, lambda: [problem.training_of(point) for point in points])
    has_policy = any(training.augmentation is not None for training in trainings)
    for line in (*_describe_plan(data, settings, has_policy=has_policy), *_describe_space(problem, acceptance)):
        print_wrapped(printable(line), flush=True)
    sheet = draw_points(problem, data, [draw.point for draw in acceptance.passed], folder)
    if sheet is not None:
        print(printable(f"Training images as networks see them: {shown(sheet)}."), flush=True)
    costs = []
    for name, draw, end in _train(problem, data, settings, draws):
        if isinstance(end, Finished):
            costs.append(find_cost(end))
        print_wrapped(printable(_describe_training(name, draw, end, settings)), flush=True)
        if len(costs) == len(_QUANTILES):
            break
    if costs:
        print_wrapped(printable(_describe_total(costs, settings)))
    print_wrapped(printable(_describe_study(folder)))


def choose_draws(acceptance: Acceptance) -> dict[str, Draw]:
    """Return a small, a medium and a large network among those that pass.

    Where only Keras can count them, the first draws are returned: more, as some of them may be rejected.
    """
    passed = acceptance.passed
    if not passed:
        return {}
    if "macs" not in passed[0].network:
        return {f"draw {number + 1}": draw for number, draw in enumerate(passed[:_MOST_UNCOUNTED])}
    ordered = sorted(passed, key=lambda draw: draw.network["macs"])
    return {name: ordered[int(share * (len(ordered) - 1))] for name, share in _QUANTILES.items()}


@dataclass
class _Run:
    """Collects the end of a job."""

    end: Finished | Failed | Rejected | None = None

    def handle(self, report: Report) -> bool:
        if isinstance(report, Finished | Failed | Rejected):
            self.end = report
        elif isinstance(report, Remark):
            print_wrapped(printable(f"note: {report.text}"), flush=True)
        return True


def _train(
    problem: Problem, data: DataSet, settings: Settings, draws: dict[str, Draw]
) -> Iterator[tuple[str, Draw, Finished | Failed | Rejected]]:
    """Train each network for a moment in a worker process, and yield how each ended."""
    trainer = QuickTrainer(
        *(problem, data.spec), fingerprint=data.fingerprint, folds=settings.folds, repeats=settings.repeats
    )
    kind = "inline" if settings.executor == "inline" else "processes"  # on this machine, also for a cluster
    options = quick_options(settings.training_options())
    with TemporaryDirectory(prefix="metaopt_dry_run_") as logs:
        executor: Executor = make_executor(kind, trainer, 1, Path(logs))
        with executor:
            for number, (name, draw) in enumerate(draws.items()):
                run = _Run()
                executor.submit(Job(number, draw.point, FromScratch(), options.resource, options))
                while run.end is None:
                    executor.wait(run.handle)
                yield name, draw, run.end


def _describe_plan(data: DataSet, settings: Settings, *, has_policy: bool) -> list[str]:
    """Return lines on the data and on what is searched how.

    Args:
        data: the data.
        settings: resolved settings.
        has_policy: whether the space decides the augmentation.
    """
    mirrors = "may" if "flip" in data.augment else "may not"
    augmentation = f"by the space, images {mirrors} be mirrored" if has_policy else data.augment
    sizes = data.description["images"]
    shape = "×".join(map(str, data.input_shape))
    what = "signals" if len(data.input_shape) == 2 else "images"
    heads = []
    for head, output in data.outputs.items():
        name = "" if len(data.outputs) == 1 else f"{head}: "
        heads.append(
            name + (plural(len(output.names), "class", "classes") if isinstance(output, ClassOutput) else output.kind)
        )
    strategy = strategy_name(settings.sampler, settings.scheduler)
    objectives = ", ".join(each.text for each in settings.objectives)
    repeated = f" × {settings.repeats} repeats" if settings.repeats > 1 else ""
    folds = f", {settings.folds} folds{repeated} each" if settings.folds > 1 else ""
    return [
        f"Data: {data.name}, {what} of {shape}; {', '.join(heads)}; {sizes['train']:,} for training,"
        f" {sizes['validation']:,} for validation, {sizes['test']:,} for the test; augmentation {augmentation}.",
        f"Search: strategy {strategy}, {plural(settings.goal, 'trial')} of at most {settings.epochs}"
        f" {settings.budget_unit}{folds}; objective {objectives}; seed {settings.seed}; executor {settings.executor},"
        f" {plural(settings.workers, 'worker')}.",
    ]


def _describe_space(problem: Problem, acceptance: Acceptance) -> list[str]:
    """Return lines on the space, and on what the guard does with it."""
    lines = [f"Space: {shown_files(problem)}, {describe_space(compile_space(problem.space))}."]
    if not problem.has_blueprint:
        return [*lines, "Guard: networks of build_model are judged once Keras has built them."]
    lines.append(f"Guard: rejects {describe_rejections(acceptance)}; a search repairs them, or draws again.")
    if (sizes := describe_sizes(acceptance)) is not None:
        lines.append(f"Networks that pass: {sizes}.")
    return lines


def _describe_training(name: str, draw: Draw, end: Finished | Failed | Rejected, settings: Settings) -> str:
    """Return a line on one of the trainings."""
    known = draw.network
    counts = (
        f" ({format_count(known['params'])} parameters, {format_count(known['macs'])} MACs)" if "macs" in known else ""
    )
    head = f"Training, {name}{counts}:"
    if isinstance(end, Failed):
        return f"{head} failed: {end.error}"
    if isinstance(end, Rejected):
        return f"{head} rejected: {end.detail}"
    cost = find_cost(end)
    if not counts and cost.params is not None:
        head = f"Training, {name} ({format_count(cost.params)} parameters):"
    gpu = "" if cost.accelerator_memory is None else f", {size_text(cost.accelerator_memory)} on the GPU"
    text = f"{head} {cost.setup_s:.1f} s until the first epoch, {cost.epoch_s:.2g} s per epoch"
    if cost.head_epochs is not None:
        text += f", {cost.tuned_epoch_s:.2g} s after epoch {cost.head_epochs}"
    if settings.budget_unit == "epochs":
        text += f", {format_duration(cost.trial_s(settings.epochs))} for {settings.epochs} epochs"
    return f"{text}; {size_text(cost.memory)} of main memory{gpu}."


def _describe_total(costs: Sequence[TrialCost], settings: Settings) -> str:
    """Return a line on the time of the whole search."""
    if settings.budget_unit == "seconds":
        each = sum(cost.setup_s for cost in costs) / len(costs) + settings.epochs
    else:
        each = sum(cost.trial_s(settings.epochs) for cost in costs) / len(costs)
    trials = settings.trials
    whole = format_duration(trials * each / settings.workers)
    strategy = strategy_name(settings.sampler, settings.scheduler)
    text = f"{plural(trials, 'trial')} trained to the end take about {whole}"
    text += f" with {plural(settings.workers, 'worker')}" if settings.workers > 1 else ""
    if settings.scheduler != "full":
        return f"{text}; {strategy} trains most of them for a part of it."
    return f"{text}, and less where early stopping ends them." if settings.early_stopping else f"{text}."


def _describe_study(folder: Path) -> str:
    """Return a line on the study that the search would begin or resume."""
    state = read_begun(folder)
    if state.header:
        what = f"The study in {shown(folder)} has {plural(state.n_own, 'trial')} and was not changed."
    else:
        what = f"No study was begun in {shown(folder)}."
    return f"{what} The same command without --dry-run searches."
