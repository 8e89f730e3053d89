"""Console output: live progress, the best trial, evaluations and comparisons as text."""

from metaopt.report.console.best_trial import describe_best, summarise_best, summarise_search
from metaopt.report.console.calibration import calibration_lines, coverage_line, reliability_line, temperature_lines
from metaopt.report.console.comparison import print_comparison
from metaopt.report.console.decisions import describe_decisions
from metaopt.report.console.evaluation import constraint_line, repeated_test_warning, score_lines, seed_lines
from metaopt.report.console.evolution import describe_evolution_history
from metaopt.report.console.plain_progress import PlainProgress
from metaopt.report.console.progress import make_progress
from metaopt.report.console.rich_progress import RichProgress

__all__ = [
    "PlainProgress",
    "RichProgress",
    "calibration_lines",
    "constraint_line",
    "coverage_line",
    "describe_best",
    "describe_decisions",
    "describe_evolution_history",
    "make_progress",
    "print_comparison",
    "reliability_line",
    "repeated_test_warning",
    "score_lines",
    "seed_lines",
    "summarise_best",
    "summarise_search",
    "temperature_lines",
]
