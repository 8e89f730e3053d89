"""Advice for a space that does not fit its constraints or images: which ready space does."""

from dataclasses import replace

from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, make_guard
from metaopt.errors import UserError
from metaopt.guard.feasibility import find_rejections
from metaopt.problems.loading import list_ready_problems, load_problem
from metaopt.problems.problem import Problem
from metaopt.spaces import compile_space
from metaopt.terminal.commands import again

DRAWS = 300  # of each space, with one repair that may fail: a second or so


def advise_space(problem: Problem, settings: Settings, images: ImageKind) -> str:
    """Return a sentence with the ready spaces that meet the constraints on images of this kind.

    Args:
        problem: the problem whose space does not.
        settings: with the constraints.
        images: input and output of the networks.
    """
    guard = make_guard(problem, settings, images)
    fitting, nearest = [], (float("inf"), "")
    for name in list_ready_problems():
        ready = load_problem(name)
        if (
            name == problem.name or ready.backbone_space is not None
        ):  # of pretrained networks, which may be no files yet
            continue
        try:
            rejections = find_rejections(compile_space(ready.space), replace(guard, problem=ready), draws=DRAWS)
        except UserError:  # its networks return no images
            continue
        if rejections is None:
            fitting.append(name)
        elif missed := rejections.missed(guard.constraints):
            constraint, value = max(missed, key=lambda one: one[0].violation(one[1]))
            sentence = f"The nearest is {name}, whose smallest {constraint.name} is {value:,.0f}."
            nearest = min(nearest, (constraint.violation(value), sentence))
    if not fitting:
        sentences = ["No ready space fits either.", nearest[1], "Loosen the constraints, or change the space."]
        return " ".join(filter(None, sentences))
    # The spaces for photographs and for signals have the fewest networks that are too large.
    first = next((name for name in ("photo_cnn", "signal_cnn") if name in fitting), fitting[0])
    command = again("--space", first)
    run = f"--space {first}" if command is None else f"`{command}`"
    others = [name for name in fitting if name != first]
    also = f" (so {'does' if len(others) == 1 else 'do'} {', '.join(others)})" if others else ""
    return f"The ready space {first} fits{also}: use {run}."
