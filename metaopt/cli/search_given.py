"""Settings that the arguments of a search give, beside those of a study that is resumed."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from metaopt.backbones.source import resolve_source
from metaopt.cli.errors import flag_of, with_flags
from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.engine.settings import Settings
from metaopt.engine.strategy import JOINT, resolve_strategy
from metaopt.errors import UserError
from metaopt.executors.gpus import AUTO, resolve_workers
from metaopt.storage.state import StudyState
from metaopt.terminal.commands import shown
from metaopt.trials.constraints import parse_constraints

# Values of studies of versions that did not record them.
_UNRECORDED = {"class_weights": NO_WEIGHTS, "targets": (), "backbones": ()}


_OF_THE_RUN = (
    *("start_point", "published_point", "dry_run", "track", "serve"),
    *("ray_address", "worker_cpus", "worker_gpus", "worker_memory"),
)
"""Arguments that are no settings of the study."""


def read_given(arguments: Namespace, state: StudyState) -> dict[str, Any]:
    """Return the given flags under the names of ``Settings``."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    if "targets" in given:
        given["targets"] = tuple(given["targets"])
    if "backbones" in given:
        given["backbones"] = tuple(dict.fromkeys(map(resolve_source, given["backbones"])))
    for name in ("results", "time", "strategy", "constraint", "start_from", *_OF_THE_RUN):
        given.pop(name, None)
    if arguments.strategy or arguments.sampler or arguments.scheduler:
        halves = resolve_strategy(arguments.strategy, arguments.sampler, arguments.scheduler)
        if arguments.strategy is None and state.settings:  # one is given, the other is the study's
            own = state.settings["sampler"], state.settings["scheduler"]
            if own[0] not in JOINT:
                halves = arguments.sampler or own[0], arguments.scheduler or own[1]
        given["sampler"], given["scheduler"] = halves
    if arguments.constraint:
        kept = [text for text in state.settings.get("constraints", ()) if text.startswith("memory")]
        asked = limits_memory(arguments.constraint)
        given["constraints"] = (*arguments.constraint, *([] if asked else kept))
    if state.settings and given.get("augment") == "auto":
        del given["augment"]  # the study's own
    if state.settings and given.get("space") == AUTO:
        del given["space"]  # the study's own
        if not state.settings.get("backbones"):
            given.pop("backbones", None)  # auto selected a space without one
    if given.get("folds") == AUTO:
        del given["folds"]  # the study's own, or chosen by its data
    # Trials with another schedule or augmentation cannot be compared, and one that resumes would switch to it.
    for name in (
        "seed",
        "split_seed",
        "schedule",
        "augment",
        "first_cycle_s",
        "cycle_factor",
        "class_weights",
        "targets",
        "backbones",
    ):
        begun = state.settings.get(name, _UNRECORDED.get(name))
        begun = tuple(begun) if isinstance(begun, list) else begun
        if state.settings and given.get(name, begun) != begun:
            flag = flag_of(name)
            begun = " ".join(begun) or None if isinstance(begun, tuple) else begun
            value = f"{begun:g}s" if name.endswith("_s") and begun is not None else begun
            kind = f"without {flag}" if begun is None else f"with {flag} {value}"
            raise UserError(
                f"The study in {shown(arguments.results)} was started {kind}: leave {flag} out, or choose another"
                " folder with --results."
            )
    for name, off in (("early_stopping", 0), ("stop_after", 0), ("trial_timeout_s", 0), ("fill", 0), ("grow", "none")):
        if given.get(name) == off:
            given[name] = None
    return given


def find_workers(given: Mapping[str, Any], state: StudyState, callback: Callback) -> dict[str, Any]:
    """Return the number of workers, if it was given or follows from the GPUs.

    Raises:
        UserError: There are too few GPUs, or they have too little memory.
    """
    executor = given.get("executor", state.settings.get("executor", Settings.executor))
    workers = resolve_workers(
        executor,
        given.get("workers"),
        given.get("trials_per_gpu"),
        lambda text: callback.note(with_flags(text)),
    )
    return {} if workers is None else {"workers": workers}


def limits_memory(texts: Iterable[str]) -> bool:
    """Return whether one of the constraints limits the memory of a training."""
    return any(limit.name == "memory" for limit in parse_constraints(texts))
