"""Advice on ready spaces, which the guard has checked."""

from dataclasses import replace

import pytest

from metaopt.cli.ready_spaces import advise_space
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, make_guard
from metaopt.guard.feasibility import find_rejections
from metaopt.outputs import ImageOutput
from metaopt.problems import load_problem
from metaopt.spaces import compile_space

PHOTOS = ImageKind((64, 64, 3), {"label": 3})


@pytest.mark.slow
def test_a_ready_space_that_fits_is_named() -> None:
    problem, settings = load_problem("cnn"), Settings(constraints=("params<=2e4",))
    assert advise_space(problem, settings, PHOTOS) == (
        "The ready space photo_cnn fits (so do autoencoder, conv_stack, flower_cnn, flower_cnn_published, wide_resnet)"
        ": use --space photo_cnn."
    )
    for name in ("photo_cnn", "conv_stack", "flower_cnn", "wide_resnet"):
        ready = load_problem(name)
        assert find_rejections(compile_space(ready.space), make_guard(ready, settings, PHOTOS)) is None


@pytest.mark.slow
def test_only_spaces_within_all_limits_are_named() -> None:
    advice = advise_space(load_problem("cnn"), Settings(constraints=("params<=2e4", "macs<=1e5")), PHOTOS)
    assert advice == "The ready space conv_stack fits: use --space conv_stack."


@pytest.mark.slow
def test_the_nearest_space_is_named_where_none_fits() -> None:
    problem = replace(load_problem("cnn"), name="mine.py")
    advice = advise_space(problem, Settings(constraints=("params<=10",)), PHOTOS)
    assert advice.startswith("No ready space fits either. The nearest is conv_stack, whose smallest params is ")


@pytest.mark.slow
def test_only_an_encoder_decoder_fits_image_targets() -> None:
    images = ImageKind((8, 8, 1), {"label": ImageOutput((8, 8, 1))})
    assert advise_space(load_problem("cnn"), Settings(), images) == (
        "The ready space autoencoder fits: use --space autoencoder."
    )
    settings = Settings(constraints=("params<=10",))
    assert "No ready space fits either." in advise_space(load_problem("autoencoder"), settings, images)
