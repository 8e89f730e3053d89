import numpy as np
import pytest

from metaopt.blueprint import InvalidArchitecture
from metaopt.errors import UserError
from metaopt.outputs import ImageOutput, LabelOutput, NumberOutput
from metaopt.problems import load_problem
from metaopt.spaces import compile_space

NUMBER, LABELS = NumberOutput(("age",)), LabelOutput(("a", "b", "c"))
KINDS = {"label": 10, "age": NUMBER, "tags": LABELS}


@pytest.mark.parametrize("name", ["cnn", "photo_cnn", "flower_cnn", "conv_stack", "wide_resnet", "autoencoder"])
def test_ready_spaces_fit_heads_of_every_vector_kind(name: str) -> None:
    problem = load_problem(name)
    space, rng = compile_space(problem.space), np.random.default_rng(0)
    fitted = 0
    for _ in range(20):
        try:
            blueprint = problem.blueprint(space.point(space.draw(rng)), (16, 16, 3), KINDS)
        except InvalidArchitecture:
            continue
        assert blueprint is not None
        activations = [node.layer.activation for node in blueprint.heads.values()]
        assert activations == ["softmax", "linear", "sigmoid"]
        assert [node.shape for node in blueprint.heads.values()] == [(10,), (1,), (3,)]
        fitted += 1
    assert fitted > 0


def test_an_image_output_is_refused_by_a_classifier() -> None:
    problem = load_problem("photo_cnn")
    space = compile_space(problem.space)
    point = space.point(space.draw(np.random.default_rng(0)))
    with pytest.raises(UserError, match="such as autoencoder"):
        problem.blueprint(point, (16, 16, 3), {"label": ImageOutput((16, 16, 3))})


def test_the_kind_of_a_head_counts_in_the_hash() -> None:
    problem = load_problem("photo_cnn")
    space = compile_space(problem.space)
    point = space.point(space.draw(np.random.default_rng(0)))
    hashes = {problem.blueprint(point, (16, 16, 3), {"label": each}).hash for each in (3, LABELS)}
    assert len(hashes) == 2
