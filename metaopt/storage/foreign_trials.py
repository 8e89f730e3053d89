"""Trials that plain hyperopt added to results.pkl, as events to import them; an unusable pickle is kept aside."""

import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.spaces import Space
from metaopt.storage.files import Files
from metaopt.storage.importing import document_event
from metaopt.storage.journal import Event
from metaopt.storage.results_pickle import UnreadablePickle, read_documents
from metaopt.terminal.commands import shown
from metaopt.trials.trial import Trial


def foreign_events(
    path: Path,
    trials: Iterable[Trial],
    ids: set[str],
    space: Space,
    files: Files,
    note: Callable[[str], None],
) -> list[Event]:
    """Return an ``imported`` event for each trial in results.pkl that plain hyperopt added.

    A pickle that cannot be read or is of another study is renamed.

    Args:
        path: results.pkl; it may be missing.
        trials: those of the study, some of which may have been imported from the pickle before.
        ids: ids of the study and of one that it replaces.
        space: the compiled space; trials of other spaces are skipped.
        files: the file operations.
        note: called with messages for the user.

    Raises:
        ResultsNotWritable: The pickle cannot be renamed.
    """
    if not path.exists():
        return []
    try:
        documents = read_documents(path)
    except UnreadablePickle as error:
        note(_keep_aside(path, str(error), files))
        return []
    if {document.study for document in documents} - {*ids, None}:
        note(_keep_aside(path, f"{shown(path)} belongs to another study.", files))
        return []
    known = {trial.info.get("source") for trial in trials}
    events: list[Event] = []
    for document in documents:
        source = f"{path.name}, tid {document.tid}"
        if not document.is_foreign or source in known:
            continue
        known.add(source)
        try:
            events.append({"event": "imported", **document_event(document, source, space, {})})
        except UserError as error:
            note(f"A trial that is not of this space was skipped: {error}")
    return events


def imported_note(path: Path, number: int) -> str:
    """Return the message that trials of results.pkl were imported."""
    were = "was" if number == 1 else "were"
    return f"{plural(number, 'trial')} that plain hyperopt added to {shown(path)} {were} imported."


def _keep_aside(path: Path, reason: str, files: Files) -> str:
    """Rename an unusable pickle and return the message."""
    names = (f"{path.name}.old{number or ''}" for number in itertools.count())
    aside = next(each for each in map(path.with_name, names) if not os.path.lexists(each))
    files.rename(path, aside)
    return f"{reason} It was renamed to {aside.name}, and a new {path.name} is written from the journal."
