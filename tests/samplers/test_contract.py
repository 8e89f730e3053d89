from collections.abc import Callable

import pytest

from tests.samplers.contract import CONTRACT, SAMPLERS


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", SAMPLERS)
def test_sampler_satisfies_the_contract(name: str, rule: Callable[[str], None]) -> None:
    rule(name)
