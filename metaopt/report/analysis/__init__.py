"""Analysis of studies: pure data for figures and console output."""

from metaopt.report.analysis.evaluation import JudgedConstraint, Score, evaluate, judge_constraints
from metaopt.report.analysis.features import Feature, extract_features
from metaopt.report.analysis.fidelity_correlation import FidelityCorrelation, correlate_fidelities
from metaopt.report.analysis.predictions import (
    Predictions,
    digest_test_set,
    rank_classes,
    read_predictions,
    write_predictions,
)
from metaopt.report.analysis.rungs import has_rungs, rung_levels, rung_results
from metaopt.report.analysis.statistics import association, marginal_effect, wilson_interval
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.test_log import LogEntry, append_to_test_log, locked_test_log, read_test_log
from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory, best_so_far
from metaopt.report.analysis.truncation import truncate_record, truncate_study
from metaopt.trials.choice import score_standard_error

__all__ = [
    "Feature",
    "FidelityCorrelation",
    "JudgedConstraint",
    "LogEntry",
    "Predictions",
    "Score",
    "StudyData",
    "TrajectoryPoint",
    "anytime_trajectory",
    "append_to_test_log",
    "association",
    "best_so_far",
    "correlate_fidelities",
    "digest_test_set",
    "evaluate",
    "extract_features",
    "has_rungs",
    "judge_constraints",
    "locked_test_log",
    "marginal_effect",
    "rank_classes",
    "read_predictions",
    "read_test_log",
    "rung_levels",
    "rung_results",
    "score_standard_error",
    "truncate_record",
    "truncate_study",
    "wilson_interval",
    "write_predictions",
]
