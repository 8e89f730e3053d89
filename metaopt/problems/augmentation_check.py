"""Check that the augmentation of training configurations fits the data."""

from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.randomness import make_generator
from metaopt.spaces import Space

_DRAWS = 20


def check_augmentations(problem: Problem, space: Space, input_shape: tuple[int, ...]) -> None:
    """Check that a problem has no augmentation for images where the data are signals or volumes.

    Args:
        problem: the problem; some of its points are drawn.
        space: its compiled space.
        input_shape: shape of one input, ``(height, width, channels)`` for images; empty where it is not known.

    Raises:
        UserError: a point has one.
    """
    if not input_shape or len(input_shape) == 3:
        return
    for number in range(_DRAWS):
        try:
            training = problem.training_of(space.point(space.draw(make_generator(0, number, "augmentation"))))
        except (ValueError, KeyError, TypeError):  # the search reports it
            return
        check_augmentation(training, holds_images=False)


def check_augmentation(training: Training, *, holds_images: bool) -> None:
    """Check that the augmentation of a training configuration can be applied.

    Args:
        training: the configuration.
        holds_images: whether the data are images, not signals or volumes.

    Raises:
        UserError: there is an augmentation policy, and the data are no images.
    """
    if training.augmentation is not None and not holds_images:
        raise UserError(
            "The augmentation of the training configuration is for images, and the data are signals or volumes. Leave"
            " it out of space and training, and choose augment instead, e.g. scale+noise.",
            "augment",
        )
