"""Version of the journal's events, and the refusal of studies that a later version wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError
from metaopt.terminal.commands import shown
from metaopt.values.safe_text import safe_repr

SCHEMA = 1
"""Version of the events; a later one is refused, because its events mean something that this version does not know."""


class NewerStudy(UserError):
    """The study was written by a later version of metaopt."""


def newer_study(event: Mapping[str, Any], writer: str | None) -> NewerStudy:
    """Return the error for an event that this version does not know.

    Args:
        event: the event.
        writer: version of metaopt that wrote the study, as far as it is known.
    """
    writer = event.get("version") or writer
    name = f"metaopt {writer}" if writer else "a later version of metaopt"
    what = f"schema {event['schema']}" if "schema" in event else f"the event {event['event']!r}"
    return NewerStudy(
        f"The study was written by {name}: it has {what}, which metaopt {metaopt.__version__} (schema {SCHEMA})"
        " does not know. Use the version that wrote it, or a later one. Nothing was changed."
    )


def newer_file(path: Path, schema: object, known: int) -> NewerStudy:
    """Return the error for another file of a study, of a schema that this version does not know.

    Args:
        path: the file.
        schema: its schema.
        known: the latest schema that this version knows.
    """
    return NewerStudy(
        f"{shown(path)} was written by a later version of metaopt: it has schema {safe_repr(schema):.40}, and metaopt"
        f" {metaopt.__version__} knows {known}. Use the version that wrote it, or a later one. Nothing was changed."
    )
