"""Command line: one file per command."""

__all__ = ["best", "compare", "import_trials", "predict", "report", "retrain", "search"]
