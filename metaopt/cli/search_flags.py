"""Flags of a search; one that is left out means the study's own value, or the default of a new study."""

from argparse import ArgumentTypeError, BooleanOptionalAction, _ArgumentGroup
from typing import Any

from metaopt.cli.arguments import (
    SKIP_BROKEN,
    Parser,
    add_preference,
    add_results,
    duration,
    duration_or_off,
    image_size,
    integer,
    number,
    one_of,
    port,
    size,
)
from metaopt.cli.search_help import make_epilog
from metaopt.data.augment import AUGMENTATIONS, IMAGE_AUGMENTATIONS
from metaopt.data.fold_count import FEW_IMAGES, FOLDS, REPEATS, VERY_FEW_IMAGES
from metaopt.engine.jobs import CLASS_WEIGHTS
from metaopt.engine.settings import CYCLE_FACTOR, MINIMA
from metaopt.engine.strategy import DEFAULT_STRATEGY, STRATEGIES
from metaopt.errors import UserError, hint
from metaopt.executors import EXECUTORS
from metaopt.executors.gpus import AUTO
from metaopt.problems import list_ready_problems
from metaopt.problems.training_config import SCHEDULES
from metaopt.samplers import SAMPLERS
from metaopt.samplers.evolution import MUTATIONS, SURVIVORS
from metaopt.schedulers import SCHEDULERS
from metaopt.server.run import PORT
from metaopt.strategies import PBT
from metaopt.terminal.commands import absolute
from metaopt.trackers.factory import TRACKERS
from metaopt.trials.objective import OBJECTIVES, find_objective

RULES = ("ceil", "floor")
UNITS = ("epochs", "seconds")
AUGMENTS = ("auto", *AUGMENTATIONS)
TRAINABLE_OBJECTIVES = tuple(name for name in OBJECTIVES if name != "loss")
EARLY_STOPPING = 15


def make_parser(prog: str, *, searches: bool = False) -> Parser:
    """Return the parser of a search, or of a command with the same options.

    Args:
        prog: name of the command.
        searches: whether it searches, so that it takes the flags of a run as well.
    """
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description="Searches the architecture and the training hyperparameters of a CNN together. Stop it at any time:"
        " the same command resumes the study in the folder of --results. Options that are left out keep the study's"
        " values. The defaults below are those of a new study.",
        epilog=make_epilog(prog).replace("%", "%%"),
    )
    _add_problem(parser.add_argument_group("search problem"))
    _add_strategy(parser.add_argument_group("strategy"))
    _add_evolution(parser.add_argument_group("evolution"))
    _add_population(parser.add_argument_group("population-based training (pbt, pb2)"))
    _add_rungs(parser.add_argument_group("rungs (hyperband, asha, gp-asha, bohb, ea-hyperband)"))
    _add_training(parser.add_argument_group("training of a trial"))
    _add_ending(parser.add_argument_group("stop criteria"))
    _add_execution(parser.add_argument_group("execution"))
    if searches:
        _add_run(parser.add_argument_group("this run"))
    return parser


def _add_run(group: _ArgumentGroup) -> None:
    tried = "say what the search would do, after three trainings of a few seconds, and begin nothing"
    group.add_argument("--dry-run", action="store_true", help=tried)
    followed = f"follow the search in {', '.join(TRACKERS)}; repeatable. docs/tracking.md shows where to look"
    page = f"serve the live page of the search on this machine (default PORT: {PORT}); needs requirements-serve.txt"
    group.add_argument("--serve", type=port, nargs="?", const=PORT, metavar="PORT", help=page)
    group.add_argument("--track", action="append", type=one_of(tuple(TRACKERS)), metavar="TRACKER", help=followed)


def _add_problem(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--data",
        help="auto, digits, mnist, fashion_mnist, cifar10, cifar100, a folder of class folders, or a .npz file"
        " (default: auto, which is cifar100 with a GPU and digits without)",
    )
    resized = (
        "crop images and resize them to N×N, or to HEIGHTxWIDTH, e.g. 64x128; cut or pad signals to N (default: by data"
        " set)"
    )
    add("--image-size", type=image_size, metavar="N", help=resized)
    target = "kind of a target: HEAD:classes, labels, number, image or none; may be repeated (default: by data set)"
    add("--target", dest="targets", action="append", metavar="HEAD:KIND", help=target)
    add("--skip-broken", action=BooleanOptionalAction, help=SKIP_BROKEN)
    problems = ", ".join(list_ready_problems()[1:])
    space = (
        f"cnn (space.py and neural_net.py), {problems}, or a problem file; auto: one of these by data set, limits and"
        " device (default: cnn)"
    )
    add("--space", help=space)
    backbone = (
        "pretrained network that the space transfer chooses from: a .keras file, or a name of keras.applications;"
        " repeatable"
    )
    add("--backbone", dest="backbones", action="append", metavar="BACKBONE", help=backbone)
    objectives = (
        f"{', '.join(TRAINABLE_OBJECTIVES)}; of a head, e.g. val_age_mae; or METRIC:min or METRIC:max (default: by data"
        " set); may be repeated for a Pareto search, the first one measured by training"
    )
    add("--objective", action="append", type=_objective, metavar="OBJECTIVE", help=objectives)
    limits = (
        "e.g. params<=200k, macs<=1e8, memory<=1GB, val_precision>=0.39, precision[CLASS]>=0.95 or, with confidence,"
        " recall[CLASS]>=0.9@95%%; may be repeated"
    )
    add("--constraint", action="append", metavar="CONSTRAINT", help=limits)
    filled = "experimental: enlarge networks until they use this share of a constraint, e.g. 0.9; 0: off (default)"
    add("--fill", type=number, metavar="SHARE", help=filled)
    grown = "experimental: phases under growing constraints: macs=1e6,2e6,4e6, params=… or blocks=1,2,4; none: off"
    add("--grow", metavar="BOUNDS", help=f"{grown} (default)")
    _add_integer(group, "--seed", help="seed of the study (default: 0)")
    split = "seed of the validation split and the folds (default: the same images in every study)"
    _add_integer(group, "--split-seed", help=split)


def _add_strategy(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--strategy", type=one_of(tuple(STRATEGIES)), help=f"{', '.join(STRATEGIES)} (default: {DEFAULT_STRATEGY})")
    add("--sampler", type=one_of(tuple(SAMPLERS)), help=f"replaces the strategy's sampler: {', '.join(SAMPLERS)}")
    add(
        "--scheduler",
        type=one_of(tuple(SCHEDULERS)),
        help=f"replaces the strategy's scheduler: {', '.join(SCHEDULERS)}",
    )
    start = (
        "an earlier study of the same space, whose best points are tried first; auto also learns from it; of a wider"
        " space and the same data, whose trials inside this one are imported; repeatable"
    )
    add("--start-from", action="append", type=absolute, metavar="STUDY", help=start)
    point = "a point to try first, as JSON: a record, or the value of its key space; repeatable"
    add("--start-point", action="append", type=absolute, metavar="FILE", help=point)
    published = "try the published point of the space first, e.g. WRN-16-4 of wide_resnet; auto also learns from it"
    add("--published-point", action="store_const", const=True, help=published)


def _add_evolution(group: _ArgumentGroup) -> None:
    _add_integer(group, "--mu", help="population size (default: a quarter of the trials, at most 50)")
    children = "children per generation (default: 10; with several objectives 1)"
    _add_integer(group, "--lambda", dest="lambda_", help=children)
    _add_integer(group, "--tournament", help="members of a tournament, whose best is a parent (default: 5)")
    mutations = "step: a small change; redraw: one hyperparameter drawn anew (default: step)"
    group.add_argument("--mutation", type=one_of(MUTATIONS), help=mutations)
    kept = (
        "best: the best mu of parents and children are parents; two-thirds: the best two thirds of mu (default: best)"
    )
    group.add_argument("--survivors", type=one_of(SURVIVORS), help=kept)
    full = "with rungs: train the first population to the end before the rungs begin"
    group.add_argument("--full-population", action=BooleanOptionalAction, help=full)
    inherit = "experimental: a child starts from its parent's weights"
    group.add_argument("--inherit", action=BooleanOptionalAction, help=inherit)


def _add_population(group: _ArgumentGroup) -> None:
    _add_integer(group, "--population", help=f"members of a population (default: {PBT.population})")
    interval = "epochs after which members are compared and perturbed (default: a tenth of --epochs)"
    _add_integer(group, "--perturbation-interval", help=interval)
    share = "replace this share of the members by forks of as many of the best, at most 0.5"
    group.add_argument("--quantile", type=number, metavar="X", help=f"{share} (default: {PBT.quantile})")
    drawn = "probability that a hyperparameter of a fork is drawn anew instead of being perturbed"
    group.add_argument("--resample", type=number, metavar="P", help=f"{drawn} (default: {PBT.resample})")


def _add_rungs(group: _ArgumentGroup) -> None:
    add = group.add_argument
    _add_integer(group, "--min-epochs", help="minimum epochs of the first rung (default: 1)")
    _add_integer(group, "--eta", help="reduction factor: one of N trials of a rung is promoted (default: 3)")
    add("--rule", type=one_of(RULES), help="rounding of Hyperband's bracket sizes: ceil or floor (default: ceil)")
    units = "unit of --epochs and --min-epochs: epochs or seconds (default: epochs)"
    add("--budget-unit", type=one_of(UNITS), metavar="UNIT", help=units)


def _add_training(group: _ArgumentGroup) -> None:
    add = group.add_argument
    _add_integer(group, "--epochs", help="maximum epochs of a trial (default: by data set and space)")
    images = ", ".join(IMAGE_AUGMENTATIONS)
    signals = "of signals: none, or a sum of shift, scale and noise in this order"
    augment = f"of training images: auto, {images}; {signals} (default: auto)"
    add("--augment", type=one_of(AUGMENTS), help=augment)
    weights = "weights of classes in the loss: none, or balanced, so that every class weighs the same (default: none)"
    add("--class-weights", type=one_of(CLASS_WEIGHTS), help=weights)
    schedules = f"learning-rate schedule: {', '.join(SCHEDULES)} (default: the problem's own)"
    add("--schedule", type=one_of(SCHEDULES), help=schedules)
    first = "T_0, training time of the first cosine cycle with --budget-unit seconds, e.g. 400s (default: --min-epochs)"
    add("--first-cycle", dest="first_cycle_s", type=duration, metavar="T", help=first)
    factor = f"T_mult: each of these cycles is N times as long as the one before (default: {CYCLE_FACTOR})"
    _add_integer(group, "--cycle-factor", help=factor)
    folds = (
        f"N-fold stratified cross-validation inside each trial; 1: off; auto: {FOLDS} for fewer than {FEW_IMAGES:,}"
        " images of your own, else 1 (default: auto)"
    )
    add("--folds", type=_integer_or_auto, metavar="N", help=folds)
    repeats = f"repeat the folds N times with other shuffles (default: {REPEATS} for fewer than {VERY_FEW_IMAGES}"
    _add_integer(group, "--repeats", help=f"{repeats} images of your own with --folds auto, else 1)")
    race = "end a trial after its first folds where it cannot win any more (default: on, where the strategy allows it)"
    add_preference(group, "best")
    add("--race", action=BooleanOptionalAction, help=race)
    patience = "end a trial after N epochs without improvement; 0: off"
    _add_integer(group, "--early-stopping", help=f"{patience} (default: {EARLY_STOPPING}, or off with rungs)")
    by_loss = "loss-based stopping: end a trial whose loss is far above that of others"
    add("--stop-hopeless", action=BooleanOptionalAction, help=by_loss)
    _add_integer(group, "--hopeless-epoch", help="epoch after which --stop-hopeless decides (default: 3)")
    _add_integer(group, "--hopeless-rank", help="the N-th best loss of other trials is its reference (default: 5)")
    factor = "end a trial with so many times the loss of the reference (default: 2.0)"
    add("--hopeless-factor", type=number, metavar="X", help=factor)


def _add_ending(group: _ArgumentGroup) -> None:
    _add_integer(group, "--trials", help="number of trials of the study in all (default: 50)")
    group.add_argument("--time", type=duration, metavar="T", help="time limit of this run, e.g. 90s, 30m or 1h30m")
    limit = "time limit of the training of each trial, e.g. 1h, after which it has failed; 0: off (default)"
    group.add_argument("--trial-timeout", dest="trial_timeout_s", type=duration_or_off, metavar="T", help=limit)
    _add_integer(group, "--stop-after", help="stop after N trials without improvement; 0: off (default)")


def _add_execution(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add_results(group)
    several = (
        "number of trials at once, which share cores and GPUs; auto: one per GPU, or --trials-per-gpu (default: 1)"
    )
    add("--workers", type=_integer_or_auto, metavar="N", help=several)
    shared = "train N trials on each GPU, each with its share of the memory; implies --workers auto"
    _add_integer(group, "--trials-per-gpu", help=shared)
    executors = (
        "processes; inline, which trains one trial at a time in this process; or ray, on this machine or a cluster"
        " (default: processes)"
    )
    add("--executor", type=one_of(EXECUTORS), help=executors)
    _add_ray(group)
    quota = "disk space for checkpoints, e.g. 500MB (default: 5GB)"
    add("--checkpoint-quota", type=size, metavar="SIZE", help=quota)
    url = "keep checkpoints at a URL, e.g. s3://bucket/folder; needs pyarrow (default: in the folder of --results)"
    add("--checkpoint-url", metavar="URL", help=url)
    add(
        "--deterministic",
        action=BooleanOptionalAction,
        help="deterministic operations on a GPU; auto then counts epochs instead of seconds",
    )


def _objective(text: str) -> str:
    """Check an objective; which of them the data have is checked later."""
    try:
        objective = find_objective(text)
    except UserError as error:
        if ":" in text:
            raise ArgumentTypeError(str(error)) from None
        raise ArgumentTypeError(f"{text}. {hint(text, TRAINABLE_OBJECTIVES)}") from None
    if objective.name == "loss":
        raise ArgumentTypeError(f"{text}. {hint(text, TRAINABLE_OBJECTIVES)}")
    return objective.text


def _integer_or_auto(text: str) -> int | str:
    """Convert a number from 1 on, or ``auto``."""
    if text == AUTO:
        return text
    try:
        return integer(MINIMA["workers"])(text)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{str(error).removesuffix('.')}, or auto.") from None


def _add_ray(group: _ArgumentGroup) -> None:
    """Add flags of the executor ray, which hold for this run only: the next one may use another cluster."""
    add = group.add_argument
    address = "with --executor ray: join a cluster, e.g. 10.0.0.1:6379; auto: that of this machine (default: start Ray)"
    add("--ray-address", metavar="ADDRESS", help=address)
    cpus = "with --executor ray: CPUs of a worker (default: a fair share)"
    add("--worker-cpus", type=number, metavar="N", help=cpus)
    gpus = "with --executor ray: GPUs of a worker, e.g. 0.5 (default: a fair share, at most 1)"
    add("--worker-gpus", type=number, metavar="X", help=gpus)
    memory = "with --executor ray: main memory of a worker, e.g. 8GB (default: a fair share)"
    add("--worker-memory", type=size, metavar="SIZE", help=memory)


def _add_integer(group: _ArgumentGroup, flag: str, **options: Any) -> None:
    """Add a flag whose minimum is that of the setting."""
    setting = options.get("dest") or flag.removeprefix("--").replace("-", "_")
    group.add_argument(flag, type=integer(MINIMA[setting]), metavar="N", **options)
