"""The model that is meant by an argument of a command: a file, or the best model of a study."""

from pathlib import Path

from metaopt.cli.retrain_plan import BEST
from metaopt.errors import UserError
from metaopt.storage.study import JOURNAL
from metaopt.terminal.commands import command, shown


def find_model(given: Path) -> Path:
    """Return the model that is meant by a path: the file itself, or ``best.keras`` of a study.

    Raises:
        UserError: It is a study without that file.
    """
    if not (given / JOURNAL).exists():
        return given
    if not (model := given / BEST).exists():
        raise UserError(
            f"The study in {shown(given)} has no model {BEST} yet: run `{command('retrain', results=given)}` first."
        )
    return model
