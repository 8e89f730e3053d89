"""``metaopt evolve``: evolve the hyperparameters of one network while it trains."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from metaopt.cli.arguments import SKIP_BROKEN, Parser, add_results, image_size, integer, number, one_of, size
from metaopt.cli.errors import guarded
from metaopt.cli.evolve_network import load_network
from metaopt.data.augment import AUGMENTATIONS
from metaopt.evolving import DEFAULT_FITNESS, FITNESS, MUTATIONS, EvolutionPlan
from metaopt.executors import EXECUTORS
from metaopt.problems import list_ready_problems
from metaopt.randomness import derive_seed
from metaopt.report.console import describe_evolution_history
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr

_DEFAULTS = EvolutionPlan()
_PLAN = ("cycles", "population", "runup_epochs", "cycle_epochs", "fixing_epochs", "final_epochs")


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt evolve") -> int:
    """Run the command and return its exit code."""
    interrupted = "interrupted: all results so far are saved; run the same command again to resume."
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), interrupted, prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options] NETWORK",
        description="Trains one network and evolves its hyperparameters meanwhile: optimizer, learning rate,"
        " activations, batch size and more. Stop it at any time: the same command resumes.",
    )
    ready = ", ".join(list_ready_problems())
    network = f"a .keras file with a compiled model; a study's folder, for its best point; {ready}; or a problem file"
    parser.add_argument("network", metavar="NETWORK", help=network)
    _add_data(parser.add_argument_group("network and data"))
    _add_plan(parser.add_argument_group("evolution"))
    _add_run(parser.add_argument_group("run"))
    return parser


def _add_data(group: Any) -> None:
    add = group.add_argument
    add("--data", metavar="DATA", help="data set, as for search (default: that of the study, or auto)")
    add("--image-size", type=image_size, metavar="N", help="size that images are cropped and resized to")
    augments = ("auto", *AUGMENTATIONS)
    add("--augment", type=one_of(augments), help=f"augmentation: {', '.join(augments)} (default: auto)")
    add("--target", dest="targets", action="append", metavar="HEAD:KIND", help="kind of the targets of a head")
    add("--skip-broken", action="store_true", help=SKIP_BROKEN)
    backbone = "pretrained network of the space transfer, as for search; may be repeated"
    add("--backbone", dest="backbones", action="append", metavar="BACKBONE", help=backbone)
    point = "start from the point in this JSON file or record, in the place of the default or best one"
    add("--point", type=absolute, metavar="FILE", help=point)
    add("--space", metavar="FILE", help="the problem's file of a study, where none near it has its text")


def _add_plan(group: Any) -> None:
    add = group.add_argument
    texts = {
        "cycles": "number of cycles",
        "population": "members of each cycle",
        "runup_epochs": "epochs before the first cycle",
        "cycle_epochs": "epochs of each member",
        "fixing_epochs": "epochs of the fittest after each cycle",
        "final_epochs": "epochs after the last cycle",
    }
    for name, text in texts.items():
        add(f"--{name.replace('_', '-')}", type=integer(0), default=getattr(_DEFAULTS, name), metavar="N", help=text)
    add("--no-crossover", dest="crossover", action="store_false", help="do not combine the two fittest")
    add("--no-unchanged", dest="keep_unchanged", action="store_false", help="mutate every member of a cycle")
    names = ", ".join(MUTATIONS)
    add("--mutation", action="append", type=one_of(tuple(MUTATIONS)), help=f"{names}; may be repeated (default: all)")
    add("--fitness", type=one_of(tuple(FITNESS)), default=DEFAULT_FITNESS, help=", ".join(FITNESS))
    add("--batch-size", type=integer(1), metavar="N", help="batch size at the start (default: the point's, or 32)")


def _add_run(group: Any) -> None:
    add = group.add_argument
    add("--seed", type=integer(0), default=0, metavar="N", help="seed of the study")
    add("--workers", type=integer(1), default=1, metavar="N", help="members that train at once")
    add("--executor", type=one_of(EXECUTORS), default="processes", help=f"{', '.join(EXECUTORS)}")
    add("--ray-address", metavar="ADDRESS", help="with --executor ray: auto, or host:port of a cluster")
    add("--worker-cpus", type=number, metavar="N", help="with --executor ray: CPUs that each worker reserves")
    add("--worker-gpus", type=number, metavar="X", help="with --executor ray: GPUs that each worker reserves")
    add("--worker-memory", type=size, metavar="SIZE", help="with --executor ray: memory that each worker reserves")
    add("--final-model-only", action="store_true", help="keep the final model in models/, and not those of all members")
    add_results(group)


def run(arguments: Namespace) -> None:
    """Evolve, draw the history, and print what changed.

    Raises:
        UserError: The network or the data do not exist or do not fit, or a value is invalid.
    """
    from metaopt.evolve_api import evolve_training
    from metaopt.executors.ray_cluster import WorkerResources
    from metaopt.training import backend

    with suppressed_stderr():
        backend.prepare()
    import keras

    keras.utils.set_random_seed(derive_seed(arguments.seed, 0, "initialise"))  # of the weights of a new network
    network = load_network(arguments)
    plan = {name: getattr(arguments, name) for name in (*_PLAN, "crossover", "keep_unchanged")}
    evolved = evolve_training(
        network.model,
        network.data,
        **plan,
        mutations=arguments.mutation,
        fitness=arguments.fitness,
        batch_size=network.batch_size if arguments.batch_size is None else arguments.batch_size,
        augmentation=network.augmentation,
        seed=arguments.seed,
        results=arguments.results,
        keep_models=not arguments.final_model_only,
        executor=arguments.executor,
        workers=arguments.workers,
        ray_address=arguments.ray_address,
        worker_resources=WorkerResources(arguments.worker_cpus, arguments.worker_gpus, arguments.worker_memory),
    )
    for line in describe_evolution_history(evolved.lineage):
        print(printable(line))
    for path in (evolved.folder / "models" / "model_final.keras", evolved.folder / "metadata.json", *evolved.draw()):
        print(printable(shown(path)))
