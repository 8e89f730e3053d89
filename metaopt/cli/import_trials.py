"""``metaopt import``: import trials that were trained elsewhere, for a study's sampler to learn from."""

from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.errors import guarded
from metaopt.cli.search import prepare
from metaopt.cli.search_flags import make_parser as make_search_parser
from metaopt.cli.search_help import IMPORT_EXAMPLES, make_epilog
from metaopt.report.console.progress import make_progress
from metaopt.spaces import compile_space
from metaopt.storage.importing import read_foreign, without_doubles
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.trials.objective import find_objective


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt import") -> int:
    """Run the command and return its exit code."""
    parser = make_search_parser(prog)
    parser.usage = "%(prog)s [options] FILE [FILE ...]"
    parser.description = (
        "Imports records (JSON) and pickles of hyperopt's Trials into the study in the folder of --results, so that a"
        " search continues from them. If there is no study, it is created; give the same options to the search. The"
        " defaults below are those of a new study."
    )
    parser.epilog = make_epilog(prog, IMPORT_EXAMPLES).replace("%", "%%")
    parser.add_argument(
        "files", nargs="+", type=absolute, metavar="FILE", help="a record, or a pickle of hyperopt's Trials"
    )
    return guarded(lambda: run(parser.parse_args(argv)), prints_its_result=False)


def run(arguments: Namespace) -> None:
    """Import every file, or none.

    Raises:
        UserError: A file is not a trial of the study's space.
    """
    # Of a trial in several files the first one counts, and a record says more than a pickle.
    files = sorted(arguments.files, key=lambda path: path.suffix == ".pkl")
    del arguments.files
    with make_progress() as callback:
        ready = prepare(arguments, None, callback)
        space, objective = compile_space(ready.problem.space), find_objective(ready.settings.objective)
        defaults, heads = ready.problem.defaults, tuple(ready.data.classes)
        # All files are read before a study is created, so that an unreadable one does not leave an empty study.
        read = [list(read_foreign(path, space, objective, defaults, heads)) for path in files]
        with ready.open(arguments.results, callback) as study:
            trials = without_doubles(read, study.state.trials, study.state.judge)
            study.begin(ready.settings.as_event())
            for trial in trials:
                study.import_trial(trial)
    for path in (path for path, inside in zip(files, read, strict=True) if not inside):
        print(f"Skipped {printable(shown(path))}: it holds no trial that was trained to its end.")
    if doubles := sum(map(len, read)) - len(trials):
        print(f"Skipped trials that are in another file or in the study already: {doubles}.")
    print(f"Imported trials: {len(trials)}. A search with the same flags continues from them.")
