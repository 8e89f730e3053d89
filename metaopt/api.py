"""``metaopt.search``: search from Python, over any function that trains."""

import inspect
import math
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from metaopt.blueprint import Blueprint
from metaopt.engine.callbacks import Callback, CallbackList
from metaopt.engine.checkpoints import Keep
from metaopt.engine.outside_knowledge import find_knowledge
from metaopt.engine.settings import Settings, resolve
from metaopt.engine.setup import Function, ImageKind, describe_new_study, open_study
from metaopt.engine.setup import search as run_search
from metaopt.engine.strategy import DEFAULT_STRATEGY, resolve_strategy, strategy_name
from metaopt.errors import NoneFeasible, invalid_value
from metaopt.executors import make_executor
from metaopt.executors.gpus import resolve_workers
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.problems.mistakes import mistakes_explained
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.source_digest import network_code
from metaopt.problems.training_config import Training
from metaopt.public_study import Study
from metaopt.quantities import parse_duration
from metaopt.report.console import make_progress
from metaopt.storage.study import read_begun
from metaopt.storage.writer import StudyWriter
from metaopt.terminal.commands import absolute
from metaopt.terminal.printable import printable
from metaopt.trackers.factory import find_tracker, tracked
from metaopt.training.functions import FunctionTrainer, takes_budget
from metaopt.trials.record import Record
from metaopt.values.function_identity import function_digest


def search(
    train: Callable[..., Any],
    space: Any,
    *,
    network: Callable[[Any, tuple[int, ...], Classes], Blueprint] | None = None,
    training: Callable[[Any], Training] = Training.from_point,
    input_shape: tuple[int, ...] | None = None,
    classes: Classes | None = None,
    strategy: str | None = None,
    default: Any = None,
    start_from: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    epochs: int | None = None,
    min_epochs: int | None = None,
    eta: int | None = None,
    population: int | None = None,
    perturbation_interval: int | None = None,
    quantile: float | None = None,
    resample: float | None = None,
    trials: int | None = None,
    seconds: float | str | None = None,
    trial_timeout_s: float | str | None = None,
    stop_after: int | None = None,
    workers: int | str = 1,
    trials_per_gpu: int | None = None,
    constraints: str | Sequence[str] = (),
    grow: str | None = None,
    fill: float | None = None,
    objective: str | Sequence[str] = "loss",
    prefer: str | None = None,
    seed: int = 0,
    results: str | os.PathLike[str] = "results",
    executor: str = "inline",
    ray_address: str | None = None,
    worker_resources: WorkerResources | None = None,
    checkpoint_url: str | None = None,
    callbacks: Sequence[Callback] = (),
    track: str | Sequence[str] = (),
    watch: Callback | None = None,
    progress: bool = True,
    same_function: bool = False,
) -> Study:
    """Search a space for the hyperparameters with the lowest loss, or resume such a search.

    Args:
        train: function to minimise. ``train(point)`` returns the loss, a float, or a dict with ``loss`` as for
            ``hyperopt.fmin``. ``train(point, *, epochs, checkpoint)``, recognised by its parameters, trains until the
            given number of epochs in all and may keep files in the directory ``checkpoint``. If the function raises an
            exception, its trial has failed, and the search continues.
        space: a hyperopt expression, such as a dict of ``hp.uniform(label, low, high)``. A point is one draw of it.
        network: ``network(point, input_shape, classes) -> Blueprint``, with which invalid and oversized networks are
            rejected before ``train`` is called; needs ``input_shape`` and ``classes``.
        training: ``training(point) -> Training``; points with the same blueprint and training are duplicates.
        input_shape: (height, width, channels), or (length, channels) of signals.
        classes: head → number of classes, or an output of ``metaopt.outputs``.
        strategy: name of the strategy, e.g. ``"tpe"`` or ``"random"``; by default that of the study, ``"auto"`` for a
            new one.
        default: a point, or a list of points, that is expected to be good. It is tried first.
        start_from: folder of an earlier study of the same space, or several. Its three best points are tried first, and
            ``"auto"`` learns from the ranks of all. Where only the space differs, as after narrowing, the trials that
            lie in it are imported instead.
        epochs: R, the maximum epochs of a trial, for a ``train`` that takes them.
        min_epochs: the minimum epochs of the first rung, for strategies with rungs, such as ``"hyperband"``; 1 by
            default.
        eta: reduction factor: one in so many trials of a rung is promoted; 3 by default.
        population: members of a population, for ``"pbt"`` and ``"pb2"``; 10 by default. A fork finds the files of its
            source in ``checkpoint``.
        perturbation_interval: epochs after which members are compared; by default a tenth of ``epochs``.
        quantile: share of the members that are replaced by forks of as many of the best; 0.2 by default.
        resample: probability that a hyperparameter of a fork is drawn anew; 0.25 by default.
        trials: number of trials that the study is to have in all, 50 for a new one. Where it is left out, an
            interrupted search completes its trials, and a completed one runs as many again.
        seconds: time limit of this run in seconds or as a text such as ``"1h30m"``, or None.
        trial_timeout_s: time limit of the training of each trial in seconds or as a text such as ``"1h"``, over all its
            rungs, or None. A trial that takes longer has failed. ``executor="processes"`` ends any training;
            ``"inline"`` only what runs Python code in the main thread, not e.g. a compiled operation that hangs.
        stop_after: number of trials without improvement after which the search ends, or None.
        workers: number of trials at once; more than one needs ``executor="processes"`` or ``"ray"``. With
            ``"processes"``, ``"auto"`` is one per GPU, or ``trials_per_gpu``.
        trials_per_gpu: number of trials that share a GPU, or None. JAX is limited to its share of the memory, and
            TensorFlow allocates memory as needed; ``train`` has to limit other frameworks.
        constraints: one or more, such as ``"params<=2e6"``, or on a number that ``train`` returns beside ``loss``; a
            trial for which it returns none has failed.
        grow: phases under growing constraints, e.g. ``"macs=1e6,2e6,4e6"``, or None; needs ``network``.
        fill: the share of its tightest constraint that a network is to use, e.g. 0.9, or None; needs ``network``.
        objective: ``"loss"``, or another objective of ``metaopt.trials.objective``, whose metric ``train`` returns.
            Several search a Pareto front, e.g. ``("loss", "params", "recall:max")``: ``train`` then returns a dict with
            a number for each but ``params``, ``macs`` and ``memory``, which ``network`` counts. A metric that metaopt
            does not know has ``:min`` or ``:max`` behind its name.
        prefer: trial that ``.best`` is: ``"best"``, or ``"small"`` for the network with the fewest parameters within
            one standard error of the best. That needs ``network``, and ``loss_variance`` (hyperopt's key, the variance
            of a loss) in what ``train`` returns. By default that of the study, ``"best"`` for a new one.
        seed: an integer >= 0; a study that is resumed keeps the seed that it was started with.
        results: folder of the study.
        executor: ``"inline"``, which runs ``train`` in this process; ``"processes"``, for which cloudpickle must be
            able to serialise ``train``; or ``"ray"``, for which it must too, on this machine or a Ray cluster.
        ray_address: with ``executor="ray"``: ``"auto"`` joins the Ray cluster of this machine, ``"10.0.0.1:6379"``
            another one, None starts one. A Ray that this process has initialised is used as it is.
        worker_resources: with ``executor="ray"``: CPUs, GPUs and memory that each worker reserves.
        checkpoint_url: URL of a folder for the directories ``checkpoint``, e.g. ``"s3://bucket/folder"``, so that a
            trial resumes on any machine; None keeps them in ``results``. Needs pyarrow. A study stays with its own.
        callbacks: are told what happens, such as a tracker of your own.
        track: one or more of ``"tensorboard"``, ``"optuna"``, ``"mlflow"`` and ``"wandb"``, which follow the search;
            see docs/tracking.md. One that fails or hangs neither stops nor slows it.
        watch: one more callback; the keyword of earlier versions.
        same_function: resume the study in ``results`` although the code of ``train``, or a value that it captured, is
            not that of its trials; say so only if its losses still compare, as after a change of its output.
        progress: whether the progress is shown on standard output, as by the command.

    Returns:
        The study: ``.best``, ``.records``, ``.trials`` (hyperopt's); under several objectives also ``.front``, the
        records that no other one dominates, and ``.knee``; ``.best`` is then the best by the first objective.
        ``.report()`` writes its page and ``.figures`` draws it; a notebook shows both inline.

    Warns:
        RuntimeWarning: The first trial of the study that ended failed, or none ended within ``seconds``.

    Raises:
        NoTrialSucceeded: Every trial failed.
        ValueError: ``network`` lacks ``input_shape`` or ``classes``; ``grow`` or ``fill`` lacks ``network``; or
            ``epochs``, ``strategy`` and the parameters of ``train`` contradict each other.
        Mistake: ``network`` or ``training`` raised an exception, which is the cause; the message has its lines.
        UserError: A value is invalid, the study in ``results`` does not match, is locked or is damaged, or no network
            of the space is valid; see ``metaopt.errors``.
    """
    _check_network(network, input_shape, classes, grow, fill)
    trackers = [track] if isinstance(track, str) else list(track)
    for name in trackers:
        find_tracker(name)  # raises before a study is begun
    folder = absolute(results)  # before the user's code, which may change the current folder
    given = {
        "epochs": 1 if epochs is None else epochs,
        "trial_timeout_s": _seconds("trial_timeout_s", trial_timeout_s) or None,
        "stop_after": stop_after,
        "workers": resolve_workers(executor, workers, trials_per_gpu, warnings.warn),
        "trials_per_gpu": trials_per_gpu,
        "constraints": (constraints,) if isinstance(constraints, str) else tuple(constraints),
        "grow": grow,
        "fill": fill,
        "objective": objective,
        "seed": seed,
        "executor": executor,
        "space": getattr(train, "__qualname__", repr(train)),
    }
    if strategy is not None:
        given["sampler"], given["scheduler"] = resolve_strategy(strategy, None, None)
    optional = {
        **{"trials": trials, "min_epochs": min_epochs, "eta": eta, "checkpoint_url": checkpoint_url},
        **{"population": population, "perturbation_interval": perturbation_interval},
        **{"quantile": quantile, "resample": resample, "prefer": prefer},
    }
    given.update({name: value for name, value in optional.items() if value is not None})
    state = read_begun(folder)
    settings = resolve(given, {}, state)
    _check_budget(train, epochs, settings)
    problem = Problem(space, network, training, code=_code(network), default=default)
    earlier = [start_from] if isinstance(start_from, (str, os.PathLike)) else start_from
    images = ImageKind(input_shape or (), classes or {})
    function = Function(function_digest(train), is_same=same_function)
    limit_s = _seconds("seconds", seconds)
    trainer = FunctionTrainer(train, counted=network is not None)
    keep: Keep = "all" if takes_budget(train) else "none"
    with make_progress() if progress else nullcontext(Callback()) as display:
        callback = CallbackList([display, _FailureWarning(), *callbacks, *([] if watch is None else [watch])])
        runner = make_executor(
            *(settings.executor, trainer, settings.workers, folder, settings.trials_per_gpu),
            ray_address=ray_address,
            worker_resources=worker_resources,
            checkpoint_url=settings.checkpoint_url,
        )
        new = describe_new_study(problem, settings, images, function=function)
        known = find_knowledge(problem, [absolute(each) for each in earlier], state, callback, new=new)
        with (
            mistakes_explained(network, training),
            open_study(folder, problem, settings, callback, images=images, function=function) as study,
            tracked(trackers, study, callback) as told,
        ):
            run_search(
                study, problem, settings, runner, told, images, limit_s, keep, trains_itself=True, knowledge=known
            )
        _check_outcome(study, callback)
    if limit_s is not None and not study.records:
        warnings.warn(
            f"No trial ended within the time limit of {limit_s:g} s, so the study has no best trial yet. Run the search"
            " again to resume, with more seconds.",
            RuntimeWarning,
            stacklevel=2,
        )
    return Study(study.folder, study.state)


class _FailureWarning(Callback):
    """Warns if the first trial that ends has failed: such a function often fails for every point."""

    def __init__(self) -> None:
        self._is_first = True

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:  # noqa: ARG002
        self._is_first = not records

    def trial_ended(self, record: Record, best: Record | None) -> None:  # noqa: ARG002
        if self._is_first and record.status == "fail":
            with suppress(RuntimeWarning):  # where the user's filters make errors of warnings, the search continues
                warnings.warn(f"Trial {record.trial} failed: {printable(record.error)}", RuntimeWarning, stacklevel=2)
        self._is_first = False


def _check_outcome(study: StudyWriter, callback: Callback) -> None:
    """Note if no trial meets the constraints.

    Raises:
        NoTrialSucceeded: Every trial that ended failed.
    """
    if not study.records:  # the time was over before
        return
    try:
        study.require_best()
    except NoneFeasible as error:
        callback.note(str(error))


def _seconds(parameter: str, limit: float | str | None) -> float | None:
    """Convert a time limit to seconds; an infinite one is none.

    Raises:
        UserError: It is not a duration, or negative.
    """
    try:
        seconds = parse_duration(limit) if isinstance(limit, str) else limit
        if seconds is None or seconds >= 0:
            return None if seconds == math.inf else seconds
    except (ValueError, TypeError):
        pass
    raise invalid_value(parameter, limit, "Expected seconds >= 0, or a duration such as 30m or 1h30m.")


def _check_network(
    network: Callable[..., Any] | None,
    input_shape: tuple[int, ...] | None,
    classes: Classes | None,
    grow: str | None,
    fill: float | None,
) -> None:
    """Check that ``network`` comes with its shapes, and is given where networks are counted.

    Raises:
        ValueError: It does not, or is not.
    """
    if network is None:
        if grow is not None or fill is not None:
            raise ValueError("grow and fill need network, by which networks are counted before training.")
    elif input_shape is None or classes is None:
        raise ValueError("network needs input_shape and classes.")


def _check_budget(train: Callable[..., Any], epochs: int | None, settings: Settings) -> None:
    """Check that the parameters of ``train``, the maximum epochs and the strategy agree.

    Raises:
        ValueError: They do not.
    """
    if takes_budget(train):
        if epochs is None:
            raise ValueError("train takes epochs: set their maximum with epochs=…")
        return
    remedy = "define train(point, *, epochs, checkpoint)."
    if epochs is not None:
        raise ValueError(f"epochs is given, but train(point) takes none: {remedy}")
    if settings.scheduler not in ("full", DEFAULT_STRATEGY):
        strategy = strategy_name(settings.sampler, settings.scheduler)
        raise ValueError(f"The strategy {strategy} trains in steps, but train(point) takes no budget: {remedy}")


def _code(network: Callable[..., Any] | None) -> str:
    """Return the code of the network, part of the fingerprint; "" where it cannot be read, as in a shell."""
    try:
        return "" if network is None else network_code(inspect.getsource(network))
    except OSError:
        return ""
