"""``hyperopt_optimize.py`` and ``metaopt search``: start or resume a search."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.cli.errors import guarded
from metaopt.cli.search_checks import warn_of_environment
from metaopt.cli.search_flags import make_parser
from metaopt.cli.search_preparation import Ready, is_on_cluster, prepare
from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import Settings
from metaopt.engine.setup import search
from metaopt.report.analysis import StudyData
from metaopt.report.console import make_progress, summarise_search
from metaopt.server.child import check_server, served_beside
from metaopt.storage.writer import StudyWriter
from metaopt.terminal.wrapping import print_wrapped
from metaopt.trackers.factory import find_tracker, tracked
from metaopt.training.environment import describe_environment


def main(argv: Sequence[str] | None = None, *, beside: Path | None = None, prog: str = "hyperopt_optimize.py") -> int:
    """Run the command and return its exit code.

    Args:
        argv: the arguments, or None for those of the process.
        beside: the folder of the user's ``space.py`` and ``neural_net.py``, or None for the current one.
        prog: the command's name.
    """
    return guarded(
        lambda: run(make_parser(prog, searches=True).parse_args(argv), beside),
        "interrupted: all results so far are saved; run the same command again to resume.",
        prints_its_result=False,
    )


def run(arguments: Namespace, beside: Path | None) -> None:
    """Search, and print the best trial.

    Raises:
        UserError: Wrong usage or input.
    """
    with make_progress() as callback:
        ready = prepare(arguments, beside, callback)
        if arguments.dry_run:
            from metaopt.cli.dry_run import dry_run  # draws with Matplotlib, which a search need not wait for

            dry_run(ready.problem, ready.data, ready.settings, arguments.results, ready.check)
            return
        study = conduct(arguments, ready, callback)
    study.require_best()
    print_wrapped(summarise_search(StudyData.of(study), arguments.results))


def conduct(arguments: Namespace, ready: Ready, callback: Callback) -> StudyWriter:
    """Search, and return the study.

    Args:
        arguments: those of the command.
        ready: see ``prepare``.
        callback: is told what happens.

    Raises:
        UserError: Wrong usage or input.
    """
    for name in arguments.track or ():
        find_tracker(name)  # raises before a study is begun
    check_server(arguments.serve)
    executor = ready.executor(arguments)
    with (
        ready.open(arguments.results, callback) as study,
        tracked(arguments.track or (), study, callback) as told,
        served_beside(arguments.results, arguments.serve, callback.note),
    ):
        environment = _environment(ready.settings, arguments)
        warn_of_environment(study.state, environment, callback)
        search(
            *(study, ready.problem, ready.settings, executor, told, ready.images, arguments.time),
            keep="needed",
            environment=environment,
            knowledge=ready.knowledge,
        )
    return study


def _environment(settings: Settings, arguments: Namespace) -> dict[str, Any]:
    """Return what is known of the software and threads that train; the threads on a cluster only if they were given."""
    found = describe_environment(settings.workers)
    if settings.executor == "ray" and arguments.worker_cpus is not None:
        return {**found, "threads": max(1, int(arguments.worker_cpus))}
    if is_on_cluster(settings, arguments):
        del found["threads"]
    return found
