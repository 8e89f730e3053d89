"""Limits that the blueprint of a network decides, or predicts, before it is trained."""

from typing import Any

from metaopt.blueprint import Blueprint
from metaopt.problems.memory_estimate import estimate_memory
from metaopt.problems.model_size import predict_model_bytes
from metaopt.problems.problem import Problem
from metaopt.trials.constraints import MEMORY, MODEL_BYTES, Constraint


def is_counted(limit: Constraint) -> bool:
    """Return whether the value of a limit is known, or predicted, by the blueprint."""
    return limit.is_cheap or limit.name == MODEL_BYTES


def count(name: str, blueprint: Blueprint, problem: Problem, point: Any) -> float:
    """Return the value of a counted limit.

    Args:
        name: of the limit.
        blueprint: the network.
        problem: tells the training, on which the memory depends.
        point: of the network.
    """
    if name == MEMORY:
        return estimate_memory(blueprint, problem.training(point))
    if name == MODEL_BYTES:
        return predict_model_bytes(blueprint)
    value: float = getattr(blueprint, name)
    return value
