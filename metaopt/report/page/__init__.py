"""The page of a study: one HTML file, or a page that a server keeps up to date."""

import base64
import os
from pathlib import Path
from urllib.parse import quote

from metaopt.files.atomic_files import write_bytes
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.page.document import make_document
from metaopt.report.page.html import PLOTLY, asset, self_contained
from metaopt.storage.study import Study

__all__ = ["make_document", "write_page"]


def write_page(
    study: Study,
    path: Path,
    data: StudyData | None = None,
    *,
    has_plotly_inside: bool = True,
    contact_sheet: Path | None = None,
) -> list[Path]:
    """Write the page of a study as one HTML file.

    Args:
        study: the study.
        path: the file; missing folders are created.
        data: the study's data, where they are known already.
        has_plotly_inside: whether plotly's JavaScript (5 MB) is inside; else it is written beside the page.
        contact_sheet: PNG file of augmented training images that the page shows; None for none.

    Returns:
        The files that were written.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    document = make_document(study, data)
    if contact_sheet is not None:
        image = base64.b64encode(contact_sheet.read_bytes()).decode()
        document["contact_sheet"] = {"image": f"data:image/png;base64,{image}"}
    document["table"]["records"] = _relative(study.folder, path.parent)
    write_bytes(path, self_contained(document, has_plotly_inside=has_plotly_inside).encode())
    if has_plotly_inside:
        return [path]
    beside = path.with_name(PLOTLY)
    write_bytes(beside, asset(PLOTLY).encode())
    return [path, beside]


def _relative(folder: Path, start: Path) -> str:
    """Return the address of a folder from another one, to which a name is appended."""
    try:
        return quote(f"{Path(os.path.relpath(folder.resolve(), start.resolve())).as_posix()}/")
    except ValueError:  # on another drive
        return f"{folder.resolve().as_uri()}/"
