"""The examples of docs/blueprint.md run and give what the page says."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "blueprint.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.slow
def test_the_first_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(EXAMPLES[0], names)
    promised = re.findall(r"print\(.*\)  # (.*)", EXAMPLES[0])
    assert capsys.readouterr().out.splitlines()[:2] == promised
    assert (tmp_path / "network.svg").exists()
    assert names["model"].count_params() == 31530


@pytest.mark.slow
def test_a_layer_of_ones_own():
    from metaopt.blueprint import Blueprint, Conv2D, Input

    names: dict = {"__name__": "mine"}
    exec(EXAMPLES[1], names)
    own = names["PReLU"]
    inputs = Input((8, 8, 3))
    blueprint = Blueprint(inputs, own()(Conv2D(4, 3)(inputs)))

    assert blueprint.params == blueprint.to_keras().count_params() == 112 + 4
    assert blueprint.output_shapes["label"] == (6, 6, 4)
    other = Blueprint(inputs, own(initial_slope=0.1)(Conv2D(4, 3)(inputs)))
    assert other.hash != blueprint.hash


def test_the_refusal_that_the_page_shows():
    from metaopt.blueprint import Input, InvalidArchitecture, MaxPooling2D

    with pytest.raises(InvalidArchitecture) as caught:
        MaxPooling2D(2)(Input((1, 1, 64)))
    assert str(caught.value) in PAGE
