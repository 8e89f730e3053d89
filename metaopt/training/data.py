"""Import path of earlier versions for ``metaopt.data``; users' programs import it."""

from metaopt.data import DataSet, DataSpec, load, resolve

__all__ = ["DataSet", "DataSpec", "load", "resolve"]
