"""Networks that the workers reject: the search ends with their causes where it would never train one."""

import re
from collections import Counter

from metaopt.errors import UserError
from metaopt.storage.state import StudyState

REJECTED_IN_A_ROW = 200  # networks rejected in the worker before the search gives up
SAME_REJECTIONS = 20  # of them for one cause, before any network was trained
_OF_SHAPES = re.compile("shape|size|dimension|negative|limit", re.IGNORECASE)  # causes that other points may avoid
_NUMBERS = re.compile(r"(?<!line )\b\d+(\.\d+)?\b")


def check_rejections(state: StudyState) -> None:
    """Check, after a rejection, that the search may still find a network to train.

    Raises:
        UserError: Too many in a row were rejected, or all of them for one cause that other points will not avoid.
    """
    tail = state.trials[-REJECTED_IN_A_ROW:]
    if len(tail) == REJECTED_IN_A_ROW and all(trial.status == "rejected" for trial in tail):
        in_a_row = f"{REJECTED_IN_A_ROW} in a row were rejected"
        raise UserError(f"No network of the space passes: {in_a_row}. {explain_rejections(state)}")
    last = {_NUMBERS.sub("#", text) for text in state.refusals[-SAME_REJECTIONS:]}
    is_of_point = len(last) > 1 or any(_OF_SHAPES.search(text) for text in last)
    if len(state.refusals) >= SAME_REJECTIONS and not is_of_point and not state.has_trained:
        raise UserError(f"No network was trained. {explain_rejections(state)}")


def explain_rejections(state: StudyState) -> str:
    """Return why the workers rejected networks: the one cause, or the most frequent ones."""
    kinds = Counter(_NUMBERS.sub("#", text) for text in state.refusals)
    latest = {_NUMBERS.sub("#", text): text for text in state.refusals}
    if len(kinds) == 1:
        return f"All {len(state.refusals)} that were proposed were rejected for one cause: {state.refusals[-1]}"
    causes = " ".join(f"{count} times: {latest[kind]}" for kind, count in kinds.most_common(3))
    return f"The most frequent causes: {causes}"
