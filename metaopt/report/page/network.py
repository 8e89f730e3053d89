"""Drawing of the best network as SVG, for an image of the page."""

import base64
from typing import Any

from metaopt.blueprint.drawing import render
from metaopt.blueprint.drawn import UnreadableDrawing, unpack_drawing
from metaopt.report.analysis.study_data import StudyData
from metaopt.storage.study import Study
from metaopt.terminal.commands import command


def best_network(study: Study, data: StudyData) -> dict[str, Any]:
    """Return the drawing of the best trial's network.

    An SVG inside an image cannot run scripts or load anything.

    Returns:
        ``trial`` and ``image``, a data URI; or ``message`` where there is nothing to draw.
    """
    best = data.best
    if best is None:
        return {"message": "There is no best trial yet."}
    text = study.state.trials[best.trial].proposal.get("drawing")
    if text is None:
        drawn = command("best", "--space", "FILE", results=study.folder)
        if data.is_of_function:
            return {"message": "A Python function was searched, so there is no network."}
        return {"message": f"The study holds no drawing of its network. `{drawn}` draws it from the problem's file."}
    try:
        svg = render(unpack_drawing(text), "svg")
    except UnreadableDrawing as error:
        return {"message": str(error)}
    image = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return {"trial": best.trial, "image": image}
