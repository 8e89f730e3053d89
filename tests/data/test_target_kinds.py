import pytest

from metaopt.data.target_kinds import parse_targets
from metaopt.errors import UserError


def test_targets_are_heads_with_kinds() -> None:
    assert parse_targets(["age:number", "a:b:labels"]) == {"age": "number", "a:b": "labels"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["age"], "Expected HEAD:KIND"),
        (["age:numbr"], "Did you mean number"),
        (["age:number", "age:classes"], "Several values for target name age"),
        ([":number"], "Expected HEAD:KIND"),
    ],
)
def test_invalid_targets_are_named(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_targets(texts)
