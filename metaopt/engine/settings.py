"""Settings of a run, resolved from the user's, the study's and the defaults."""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Real
from typing import Any

from metaopt.engine.checkpoints import QUOTA
from metaopt.engine.jobs import NO_WEIGHTS, TrainingOptions, Unit
from metaopt.engine.strategy import DEFAULT_STRATEGY, POPULATION_BASED, STRATEGIES, check_is_read
from metaopt.errors import UserError, invalid_value
from metaopt.quantities import IMAGE_SIZE_EXPECTED, ImageSize, parse_image_size
from metaopt.samplers.evolution import STEADY_STATE_LAMBDA
from metaopt.schedulers import Rule
from metaopt.storage.state import StudyState
from metaopt.strategies import PBT
from metaopt.trials.choice import BEST, check_preference
from metaopt.trials.growth import check_fill, constraints_in_force, parse_growth, phase_starts
from metaopt.trials.objective import Objective, find_objectives
from metaopt.trials.stopping import LossBound

# The random start is at most a quarter of the goal: at most hyperopt's 20 trials, or a population of 50.
SHARE, STARTUP_MIN, STARTUP_MAX, MU_MAX = 4, 5, 20, 50
_TUPLES = ("constraints", "phases", "targets", "further_objectives", "backbones")
HOPELESS = ("hopeless_epoch", "hopeless_rank", "hopeless_factor")  # read with stop_hopeless only

CYCLE_FACTOR = 2  # of cosine cycles in seconds, as published: arXiv:1608.03983, arXiv:1807.06906

# The smallest integer that a setting accepts.
MINIMA = {
    "trials": 1,
    "epochs": 1,
    "min_epochs": 1,
    "eta": 2,
    "cycle_factor": 1,
    "mu": 1,
    "lambda_": 1,
    "tournament": 1,
    "population": 2,
    "perturbation_interval": 1,
    "hopeless_epoch": 1,
    "hopeless_rank": 1,
    "stop_after": 0,
    "early_stopping": 0,
    "folds": 1,
    "repeats": 1,
    "workers": 1,
    "trials_per_gpu": 1,
    "seed": 0,
    "split_seed": 0,
}


@dataclass(frozen=True)
class Settings:
    """Settings of a run, stored in the journal, so that a setting left out means the study's own.

    Attributes:
        space: name or file of the problem.
        backbones: pretrained networks that the space chooses from; empty for its own.
        data: name, folder or file of the data set.
        image_size: side of square images in pixels, ``HEIGHTxWIDTH``, length of signals, or None for the data's own.
        augment: augmentation of training images.
        sampler: name of the sampler.
        scheduler: name of the scheduler.
        epochs: R, the maximum resource of a trial.
        eta: η, the reduction factor: one in so many trials of a rung is promoted.
        min_epochs: the minimum resource of the first rung.
        rule: rounding rule of Hyperband, see ``metaopt.schedulers.brackets``.
        trials: number of trials to train beyond ``base``; what the user gives is the total, ``base`` included.
        base: number of trials that the study had when this goal was set.
        startup: number of random trials before the first model-based one.
        mu: μ, population size of an evolution.
        lambda_: λ, children per generation; a new study of several objectives has 1 unless another is given.
        tournament: number of members in a tournament of an evolution.
        mutation: mutation of an evolution, see ``metaopt.samplers.Evolution``.
        survivors: members of an evolution's population that are parents, see ``metaopt.samplers.Evolution``.
        full_population: whether the first μ trials of an evolution under rungs are trained to R at once.
        population: members of a population-based training.
        perturbation_interval: epochs after which its members are compared, or None for a tenth of ``epochs``.
        quantile: share of its members that are replaced, and share of those that they are forked from.
        resample: probability that a hyperparameter of a fork is drawn from its prior.
        stop_after: number of trials without improvement after which the search ends, or None.
        trial_timeout_s: seconds that the training of one trial may take in all, or None.
        early_stopping: patience: epochs without improvement before a trial ends, or None.
        stop_hopeless: whether trials are stopped by their loss, see ``metaopt.trials.stopping.LossBound``.
        hopeless_epoch: epoch after which that is decided.
        hopeless_rank: rank of the loss of other trials at that epoch that is the reference.
        hopeless_factor: multiple of that loss from which on a trial is stopped.
        objective: name of the objective, of several the first.
        further_objectives: the others, see ``metaopt.trials.objective.find_objectives``.
        constraints: constraints as text, e.g. ``("params<=2e6",)``.
        grow: constraints that grow from phase to phase as text, e.g. ``"macs=1e6,2e6"``, or None.
        phases: number of own trials when each phase of ``grow`` begins.
        fill: the share of its tightest cheap constraint that a network is to use, or None.
        workers: number of trials at once.
        trials_per_gpu: number of them that share a GPU, or None for as many as there must be.
        executor: name of the executor.
        seed: seed of the study.
        split_seed: seed of the validation split and the folds, or None for those of every study.
        budget_unit: unit of ``epochs`` and ``min_epochs`` under a scheduler: ``epochs`` or ``seconds``.
        folds: number of cross-validation folds, 1 for none.
        repeats: number of repeats of the folds, each with another shuffle.
        race: whether a trial that cannot win any more ends after its first folds, see ``metaopt.engine.fold_race``.
        inherit: whether a trial starts from the weights of its parent.
        checkpoint_quota: maximum bytes of checkpoints.
        checkpoint_url: URL of the checkpoints, or None for the study's folder.
        deterministic: whether all operations are deterministic, also on a GPU.
        schedule: learning-rate schedule of every trial, or None for the problem's own.
        first_cycle_s: with a budget in seconds, training seconds of the first cycle of the schedule ``cosine``, or None
            for ``min_epochs``, the budget of the first rung.
        cycle_factor: by which each of its cycles is longer than the one before.
        skip_broken: whether image files that cannot be read are left out.
        targets: kinds of targets, e.g. ``("age:number",)``.
        prefer: which trial is chosen in the end, see ``metaopt.trials.choice.PREFERENCES``.
        class_weights: ``none``, or ``balanced`` for losses in which every class weighs the same.
    """

    space: str = "cnn"
    data: str = "auto"
    image_size: ImageSize | None = None
    augment: str = "auto"
    sampler: str = "tpe"
    scheduler: str = "full"
    epochs: int = 1
    eta: int = 3
    min_epochs: int = 1
    rule: Rule = "ceil"
    trials: int = 50
    base: int = 0
    startup: int = STARTUP_MAX
    mu: int = MU_MAX
    lambda_: int = 10
    tournament: int = 5
    mutation: str = "step"
    survivors: str = "best"
    full_population: bool = False
    population: int = PBT.population
    perturbation_interval: int | None = None
    quantile: float = PBT.quantile
    resample: float = PBT.resample
    stop_after: int | None = None
    trial_timeout_s: float | None = None
    early_stopping: int | None = None
    stop_hopeless: bool = False
    hopeless_epoch: int = 3
    hopeless_rank: int = 5
    hopeless_factor: float = 2.0
    objective: str = "val_accuracy"
    further_objectives: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    grow: str | None = None
    phases: tuple[int, ...] = ()
    fill: float | None = None
    workers: int = 1
    trials_per_gpu: int | None = None
    executor: str = "processes"
    seed: int = 0
    split_seed: int | None = None
    budget_unit: Unit = "epochs"
    folds: int = 1
    repeats: int = 1
    race: bool = False
    inherit: bool = False
    checkpoint_quota: int = QUOTA
    checkpoint_url: str | None = None
    deterministic: bool = False
    schedule: str | None = None
    first_cycle_s: float | None = None
    cycle_factor: int = CYCLE_FACTOR
    skip_broken: bool = False
    targets: tuple[str, ...] = ()
    class_weights: str = NO_WEIGHTS
    prefer: str = BEST
    backbones: tuple[str, ...] = ()

    @property
    def goal(self) -> int:
        """Number of trials that the study is to have in all, imported ones apart."""
        return self.base + self.trials

    @property
    def n_trainings(self) -> int:
        """Number of networks that a trial trains: all folds of all repeats."""
        return self.folds * self.repeats

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives, the first one first."""
        return find_objectives((self.objective, *self.further_objectives))

    @property
    def loss_bound(self) -> LossBound:
        """Bound of loss-based stopping."""
        return LossBound(self.hopeless_epoch, self.hopeless_rank, self.hopeless_factor)

    def training_options(self) -> TrainingOptions:
        """Return the options that travel in every job."""
        return TrainingOptions(
            seed=self.seed,
            resource=self.epochs,
            unit=self.budget_unit,
            objective=self.objective,
            further_objectives=tuple([each.name for each in self.objectives[1:]]),
            constraints=constraints_in_force(self.constraints, self.grow),
            early_stopping=self.early_stopping,
            loss_based_stopping=self.loss_bound if self.stop_hopeless else None,
            folds=self.folds,
            repeats=self.repeats,
            race=self.race,
            inherit=self.inherit,
            schedule=self.schedule,
            first_cycle_s=float(self.min_epochs if self.first_cycle_s is None else self.first_cycle_s),
            cycle_factor=self.cycle_factor,
            deterministic=self.deterministic,
            trial_timeout_s=self.trial_timeout_s,
            class_weights=self.class_weights,
        )

    def as_event(self) -> dict[str, Any]:
        """Return the settings for the journal, as it returns them when read: tuples are lists."""
        stored = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        if not self.further_objectives:  # a study of one objective is stored as by earlier versions
            del stored["further_objectives"]
        if not self.backbones:
            del stored["backbones"]
        return stored


def read_settings(stored: Mapping[str, Any]) -> Settings:
    """Return the settings of a study as stored; those of other versions are ignored."""
    names = {field.name for field in fields(Settings)}
    known: dict[str, Any] = {name: value for name, value in stored.items() if name in names}
    for name in _TUPLES:
        known[name] = tuple(known.get(name, ()))
    return Settings(**known)


def resolve(given: Mapping[str, Any], defaults: Mapping[str, Any], state: StudyState) -> Settings:
    """Merge the given settings with the study's and the defaults, and set the goal.

    A given number of ``trials`` is the study's total. Without it, an interrupted run, started again, completes its
    goal, and after a completed one as many trials again are run.

    Args:
        given: settings that the user gave now; without those left out.
        defaults: settings of a new study, where they differ from the class's own.
        state: the study so far; empty for a new one.

    Raises:
        UserError: A number is below its minimum, the strategy does not read a setting that was given, constraints,
            phases or the share to fill are invalid, or two settings exclude each other.
    """
    _check_integers(given)
    given = _with_image_size(_with_objectives(given))
    known = {field.name for field in fields(Settings)}
    stored = {name: value for name, value in state.settings.items() if name in known}
    halves = ("sampler", "scheduler")
    has_strategy = stored or any(name in {**defaults, **given} for name in halves)  # a study stays with its own
    initial = {} if has_strategy else dict(zip(halves, STRATEGIES[DEFAULT_STRATEGY], strict=True))
    merged = {**initial, **defaults, **stored, **given}
    for name in _TUPLES:
        merged[name] = tuple(merged.get(name, ()))
    settings = Settings(**merged)
    _ = settings.objectives  # raises
    check_preference(settings.prefer)
    check_is_read(given, settings.sampler, settings.scheduler)
    _check_same_place(given, stored)
    check_fill(settings.fill, constraints_in_force(settings.constraints, settings.grow))
    _check_combinations(settings)
    _check_hopeless(given, settings)
    if not stored:
        settings = _phased(replace(settings, base=0), stored)
        startup, mu = _initial_sizes(settings.trials, settings.phases)
        lambda_ = STEADY_STATE_LAMBDA if settings.further_objectives else settings.lambda_
        return replace(settings, startup=startup, mu=given.get("mu", mu), lambda_=given.get("lambda_", lambda_))
    settings = _phased(_with_goal(settings, given.get("trials"), state), stored)
    return _with_initial_sizes(settings, read_settings(stored), given)


def _with_objectives(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given settings with one or several objectives as the two settings that hold them.

    Raises:
        UserError: see ``find_objectives``.
    """
    asked = given.get("objective")
    if asked is None:
        return dict(given)
    texts = [asked] if isinstance(asked, str) else list(asked)
    first, *others = [each.text for each in find_objectives(texts)]
    return {**given, "objective": first, "further_objectives": (*others, *given.get("further_objectives", ()))}


def _with_image_size(given: dict[str, Any]) -> dict[str, Any]:
    """Return the given settings with the image size as ``parse_image_size`` returns it.

    Raises:
        UserError: It is invalid.
    """
    if given.get("image_size") is None:
        return given
    try:
        return {**given, "image_size": parse_image_size(given["image_size"])}
    except ValueError:
        raise invalid_value("image_size", given["image_size"], IMAGE_SIZE_EXPECTED) from None


def _initial_sizes(trials: int, phases: tuple[int, ...]) -> tuple[int, int]:
    """Return the number of random trials and the population size for a number of trials in all."""
    share = (phases[1:] or (trials,))[0]  # a first phase is at most half random, or five trials
    quarter = max(min(STARTUP_MIN, share), math.ceil(min(trials, 2 * share) / SHARE))
    return min(STARTUP_MAX, quarter), min(MU_MAX, quarter)


def _with_initial_sizes(settings: Settings, before: Settings, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a further run with the initial sizes that fit its goal, where that has changed.

    A study begun with 2 trials and continued to 100 is not modelled on 2 random ones. With the goal that it had, a
    study continues with the sizes that it stores. A population size that the user chose stays.
    """
    if settings.goal == before.goal or (settings.phases and settings.phases[0] > 0):
        return settings
    startup, mu = _initial_sizes(settings.goal, settings.phases)
    is_derived = "mu" not in given and before.mu == _initial_sizes(before.goal, before.phases)[1]
    return replace(settings, startup=given.get("startup", startup), mu=mu if is_derived else settings.mu)


def _with_goal(settings: Settings, total: int | None, state: StudyState) -> Settings:
    """Return the settings of a study's further run with its goal.

    Args:
        settings: the merged settings.
        total: number of trials that the study is to have in all, or None for the goal of an interrupted run and for as
            many trials again after a completed one.
        state: the study so far.
    """
    if total is None:
        return replace(settings, base=state.n_own) if state.finished else settings
    base = state.n_own if state.finished else settings.base
    if total <= base:  # nothing is left to train
        base = 0
    return replace(settings, base=base, trials=total - base)


def _check_integers(given: Mapping[str, Any]) -> None:
    """Check the integers that the user gave; None leaves a setting out.

    Raises:
        UserError: One is below its minimum, or not an integer.
    """
    for name, minimum in MINIMA.items():
        value = given.get(name)
        if value is not None and not (
            isinstance(value, Real) and float(value).is_integer() and float(value) >= minimum
        ):
            shown = repr(value) if isinstance(value, str) else value
            raise invalid_value(name, shown, f"Expected an integer >= {minimum}.")


def _check_same_place(given: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Check that a study keeps its checkpoints where they are.

    Raises:
        UserError: Another place was given.
    """
    url = stored.get("checkpoint_url")
    if stored and given.get("checkpoint_url", url) != url:
        began = "without checkpoint_url" if url is None else f"with checkpoint_url {url}"
        raise UserError(
            f"The study was started {began}: leave checkpoint_url out, or choose another folder for results.",
            *("checkpoint_url", "results"),
        )


def _check_combinations(settings: Settings) -> None:
    """Check that the strategy supports the other settings.

    Raises:
        UserError: It does not.
    """
    if settings.budget_unit == "seconds" and settings.scheduler == "full":
        raise UserError(
            "budget_unit seconds needs a strategy with rungs, such as hyperband. A time limit of the run works with"
            " every strategy.",
            "budget_unit",
        )
    if settings.budget_unit == "seconds" and settings.scheduler in POPULATION_BASED:
        raise UserError(
            f"The strategy {settings.scheduler} compares its members after epochs: leave budget_unit out, or choose a"
            " strategy with rungs in seconds, such as hyperband.",
            "budget_unit",
            "strategy",
        )
    if settings.budget_unit == "epochs":
        for name, unread in (("first_cycle_s", None), ("cycle_factor", CYCLE_FACTOR)):
            if getattr(settings, name) != unread:
                raise UserError(
                    f"{name} is read with budget_unit seconds only, where the cycles of the learning rate are in"
                    " seconds: leave it out.",
                    name,
                    "budget_unit",
                )
    if settings.inherit and settings.sampler != "evolution":
        raise UserError(
            f"inherit needs trials with a parent, which the sampler {settings.sampler} does not propose: use strategy"
            " evolution, or turn it off.",
            "inherit",
            "strategy",
        )


def _check_hopeless(given: Collection[str], settings: Settings) -> None:
    """Check the bound of loss-based stopping.

    Raises:
        UserError: It is given although nothing is stopped by it, or the factor is out of range.
    """
    for name in HOPELESS:
        if name in given and not settings.stop_hopeless:
            raise UserError(
                f"{name} is not read without stop_hopeless: add that, or leave it out.", name, "stop_hopeless"
            )
    if not (settings.hopeless_factor >= 1 and math.isfinite(settings.hopeless_factor)):
        raise invalid_value("hopeless_factor", settings.hopeless_factor, "Expected a finite number >= 1, such as 2.")


def _phased(settings: Settings, stored: Mapping[str, Any]) -> Settings:
    """Return the settings with the phases of the goal; trials beyond that goal belong to the last phase."""
    if settings.grow is None:
        return settings
    same = settings.grow == stored.get("grow") and settings.phases[:1] != (settings.base,)
    return (
        settings
        if same
        else replace(settings, phases=phase_starts(parse_growth(settings.grow), settings.base, settings.trials))
    )
