"""Copy of a study's header and settings beside its journal, from which a lost journal can be rebuilt."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaopt.storage.files import Files
from metaopt.values.json_values import dump_json

HEADER = "journal.header"  # sorts before model_*.json, of which the last is the best


def write_header(folder: Path, header: Mapping[str, Any], settings: Mapping[str, Any], files: Files) -> None:
    """Write the copy, if it differs from the one that is there.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    data = dump_json({"header": dict(header), "settings": dict(settings)}, indent=1) + b"\n"
    path = folder / HEADER
    if not path.is_file() or path.read_bytes() != data:
        files.replace(path, data)


def read_header(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and settings of the study; both are empty where the file is missing or damaged."""
    try:
        content = json.loads((folder / HEADER).read_bytes())
        header, settings = content["header"], content["settings"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}, {}
    if not isinstance(header, dict) or not isinstance(settings, dict) or header.get("event") != "study":
        return {}, {}
    return header, settings
