"""Comparison of studies: their scores, and significance tests for models and for strategies."""

from metaopt.report.analysis.comparison.groups import StudyGroup, group_studies
from metaopt.report.analysis.comparison.significance import compare_over_seeds, mcnemar, mean_interval
from metaopt.report.analysis.comparison.studies import ComparedStudy, load_studies
from metaopt.report.analysis.comparison.tables import compare

__all__ = [
    "ComparedStudy",
    "StudyGroup",
    "compare",
    "compare_over_seeds",
    "group_studies",
    "load_studies",
    "mcnemar",
    "mean_interval",
]
