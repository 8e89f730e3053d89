"""``metaopt import``: import trials that were trained elsewhere, for a study's sampler to learn from."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.errors import guarded
from metaopt.cli.search_flags import make_parser as make_search_parser
from metaopt.cli.search_help import IMPORT_EXAMPLES, make_epilog
from metaopt.cli.search_preparation import prepare
from metaopt.engine.setup import describe_new_study
from metaopt.exchange.optuna_storage import shown_source
from metaopt.exchange.sources import Importer
from metaopt.report.console.progress import make_progress
from metaopt.storage.importing import without_doubles
from metaopt.terminal.commands import absolute
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.values.urls import is_url


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt import") -> int:
    """Run the command and return its exit code."""
    parser = make_search_parser(prog)
    parser.usage = "%(prog)s [options] SOURCE [SOURCE ...]"
    parser.description = (
        "Imports trials into the study in the folder of --results, so that a search continues from them: of another"
        " study, of a folder of records (JSON) or single ones, of a pickle of hyperopt's Trials, of a CSV file, or of"
        " an Optuna storage. If there is no study, it is created; give the same options to the search. The defaults"
        " below are those of a new study."
    )
    parser.epilog = make_epilog(prog, IMPORT_EXAMPLES).replace("%", "%%")
    source = (
        "a study's folder, a folder of records, a record, a pickle of hyperopt's Trials, a CSV file with a row for each"
        " trial, a SQLite database or a journal of Optuna, or the URL of its database"
    )
    parser.add_argument("sources", nargs="+", type=_source, metavar="SOURCE", help=source)
    name = "the study in an Optuna storage that holds several"
    parser.add_argument("--optuna-study", metavar="NAME", help=name)
    return guarded(lambda: run(parser.parse_args(argv)), prints_its_result=False)


def _source(text: str) -> str | Path:
    """Convert a path to an absolute one; the URL of a database stays."""
    return text if is_url(text) else absolute(text)


def run(arguments: Namespace) -> None:
    """Import the trials of every source, or none.

    Raises:
        UserError: A source holds a trial that is none of the study's space, or cannot be read.
    """
    # Of a trial in several sources the first one counts, and a record says more than a pickle or a table.
    sources: list[str | Path] = sorted(arguments.sources, key=lambda source: Path(source).suffix in (".pkl", ".csv"))
    optuna_study = arguments.optuna_study
    del arguments.sources, arguments.optuna_study
    with make_progress() as callback:
        ready = prepare(arguments, None, callback)
        new = describe_new_study(ready.problem, ready.settings, ready.images, ready.data.fingerprint)
        heads = tuple(ready.data.classes)
        importer = Importer(new, ready.problem.defaults, heads, callback.note, optuna_study)
        # All sources are read before a study is created, so that an unreadable one does not leave an empty study.
        read = [importer.read(source) for source in sources]
        with ready.open(arguments.results, callback) as study:
            trials = without_doubles(read, study.state.trials, study.state.judge)
            study.begin(ready.settings.as_event())
            for trial in trials:
                study.import_trial(trial)
    for source in (source for source, inside in zip(sources, read, strict=True) if not inside):
        print_wrapped(f"Skipped {printable(shown_source(str(source)))}: it holds no trial that was trained to its end.")
    if doubles := sum(map(len, read)) - len(trials):
        print_wrapped(f"Skipped trials that are in another file or in the study already: {doubles}.")
    print_wrapped(f"Imported trials: {len(trials)}. A search with the same flags continues from them.")
