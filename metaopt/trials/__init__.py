"""Trials and their results: value types without I/O."""

__all__ = [
    "constraints",
    "growth",
    "objective",
    "ranking",
    "record",
    "result",
    "stopping",
    "trial",
]
