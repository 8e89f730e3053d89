"""ConfigSpace, which DEHB and SMAC3 read."""

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.parameters import PeerParameter


def make_config_space(parameters: Sequence[PeerParameter], seed: int) -> Any:
    """Return the space with its conditions.

    Args:
        parameters: each choice before the parameters of its options.
        seed: of its draws.
    """
    from ConfigSpace import AndConjunction, ConfigurationSpace, InCondition

    space = ConfigurationSpace(seed=seed)
    made: dict[str, Any] = {}
    for one in parameters:
        made[one.label] = _make(one)
        space.add(made[one.label])
        conditions = [InCondition(made[one.label], made[label], options) for label, options in one.parents.items()]
        if conditions:
            space.add(conditions[0] if len(conditions) == 1 else AndConjunction(*conditions))
    return space


def _make(one: PeerParameter) -> Any:
    from ConfigSpace import CategoricalHyperparameter, UniformFloatHyperparameter, UniformIntegerHyperparameter

    if one.kind == "categorical":
        return CategoricalHyperparameter(one.label, list(one.options))
    if one.kind == "integer":
        return UniformIntegerHyperparameter(one.label, int(one.low), int(one.high), log=one.log)
    return UniformFloatHyperparameter(one.label, one.low, one.high, log=one.log)
