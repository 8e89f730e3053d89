"""Flags of a search; one that is left out means the study's own value, or the default of a new study."""

from argparse import BooleanOptionalAction, _ArgumentGroup

from metaopt.cli.arguments import Parser, add_results, duration, integer, one_of, size
from metaopt.data.augment import AUGMENTATIONS
from metaopt.engine.strategy import STRATEGIES
from metaopt.problems.training_config import SCHEDULES
from metaopt.samplers import SAMPLERS
from metaopt.schedulers import SCHEDULERS
from metaopt.trials.objective import OBJECTIVES

EXECUTORS = ("processes", "inline")
RULES = ("ceil", "floor")
UNITS = ("epochs", "seconds")
AUGMENTS = ("auto", *AUGMENTATIONS)
TRAINABLE_OBJECTIVES = tuple(name for name in OBJECTIVES if name != "loss")
EARLY_STOPPING = 15


def make_parser(prog: str) -> Parser:
    """Return the parser of a search."""
    parser = Parser(
        prog=prog, description="Searches the architecture and the training hyperparameters of a CNN together."
    )
    _add_task(parser.add_argument_group("search problem"))
    _add_strategy(parser.add_argument_group("strategy"))
    _add_evolution(parser.add_argument_group("evolution"))
    _add_rungs(parser.add_argument_group("rungs (hyperband, asha, gp-asha, bohb, ea-hyperband)"))
    _add_training(parser.add_argument_group("training of a trial"))
    _add_ending(parser.add_argument_group("stop criteria"))
    _add_machine(parser.add_argument_group("execution"))
    return parser


def _add_task(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--data", help="auto, digits, mnist, fashion_mnist, cifar10, cifar100, a folder of class folders, or a .npz")
    add("--image-size", type=integer(1), metavar="N", help="images are cropped to a square and resized to N×N")
    add("--space", help="cnn (space.py and neural_net.py), a ready problem's name, or a problem file")
    add("--objective", type=one_of(TRAINABLE_OBJECTIVES), help=f"{', '.join(TRAINABLE_OBJECTIVES)}; val_accuracy")
    limits = "constraint, e.g. params<=2e7, macs<=1e8, val_precision>=0.39; may be repeated"
    add("--constraint", action="append", metavar="LIMIT", help=limits)
    filled = "experimental: enlarge networks until they use this share of a constraint, e.g. 0.9; 0: off"
    add("--fill", type=float, metavar="SHARE", help=filled)
    grown = "experimental: phases under growing constraints: macs=1e6,2e6,4e6, params=… or blocks=1,2,4; none: off"
    add("--grow", metavar="LIMITS", help=grown)
    add("--seed", type=integer(0), metavar="N", help="seed of the study; 0 for a new study")


def _add_strategy(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--strategy", type=one_of(tuple(STRATEGIES)), help=f"{', '.join(STRATEGIES)}; tpe for a new study")
    add("--sampler", type=one_of(tuple(SAMPLERS)), help=f"sampler of the strategy: {', '.join(SAMPLERS)}")
    add("--scheduler", type=one_of(tuple(SCHEDULERS)), help=f"scheduler of the strategy: {', '.join(SCHEDULERS)}")


def _add_evolution(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--mu", type=integer(1), metavar="N", help="population size; a quarter of the trials, at most 50")
    add("--lambda", dest="lambda_", type=integer(1), metavar="N", help="children per generation; 10")
    add("--inherit", action=BooleanOptionalAction, help="experimental: a child starts from its parent's weights")


def _add_rungs(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--min-epochs", type=integer(1), metavar="N", help="minimum epochs of the first rung; 1")
    add("--eta", type=integer(2), metavar="N", help="reduction factor: one of N trials of a rung is promoted; 3")
    add("--rule", type=one_of(RULES), help="rounding of Hyperband's bracket sizes; ceil")
    add("--budget-unit", type=one_of(UNITS), help="unit of --epochs and --min-epochs; epochs")


def _add_training(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--epochs",
        type=integer(1),
        metavar="R",
        help="maximum epochs of a trial; by data set for a new study",
    )
    add("--augment", type=one_of(AUGMENTS), help=f"augmentation of training images: {', '.join(AUGMENTS)}")
    add("--schedule", type=one_of(SCHEDULES), help=f"learning-rate schedule: {', '.join(SCHEDULES)}; the problem's own")
    add("--folds", type=integer(1), metavar="K", help="stratified cross-validation inside each trial; 1: none")
    patience = f"patience in epochs; 0: off; {EARLY_STOPPING}, off with rungs"
    add("--early-stopping", type=integer(0), metavar="N", help=patience)
    add(
        "--stop-hopeless",
        action=BooleanOptionalAction,
        help="loss-based stopping: end trials whose loss is far above that of others",
    )


def _add_ending(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--trials", type=integer(1), metavar="N", help="number of trials; 50 for a new study")
    add("--time", type=duration, metavar="T", help="time limit of this run, e.g. 90s, 30m, 2h")
    add(
        "--stop-after",
        type=integer(0),
        metavar="N",
        help="stop after N trials without improvement; 0: off",
    )


def _add_machine(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add_results(group)
    add("--workers", type=integer(1), metavar="N", help="trials at once, which share the cores and the GPU; 1")
    add("--executor", type=one_of(EXECUTORS), help=", ".join(EXECUTORS))
    add("--checkpoint-quota", type=size, metavar="SIZE", help="disk space for checkpoints; 5GB")
    add("--deterministic", action=BooleanOptionalAction, help="deterministic operations on a GPU")
