import numpy as np
import pytest

from metaopt.outputs import ImageOutput
from metaopt.problems import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import autoencoder


@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 9, 3), (32, 32, 3)])
def test_every_point_returns_an_image_of_the_size_of_its_input(shape: tuple[int, int, int]) -> None:
    space, rng = compile_space(load_problem("autoencoder").space), np.random.default_rng(0)
    for _ in range(30):
        point = space.point(space.draw(rng))
        blueprint = autoencoder.network(point, shape, {"label": ImageOutput((*shape[:2], 1))})
        assert blueprint.heads["label"].shape == (*shape[:2], 1)


def test_heads_of_other_kinds_need_no_decoder() -> None:
    space = compile_space(load_problem("autoencoder").space)
    point = space.point(space.draw(np.random.default_rng(1)))
    kinds = [layer.kind for layer in autoencoder.network(point, (8, 8, 1), {"label": 10}).layers]
    assert "UpSampling2D" not in kinds
    assert kinds[-1] == "Dense"
