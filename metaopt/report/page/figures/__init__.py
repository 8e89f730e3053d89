"""Figures of a page: each function returns the panels of one analysis."""

from metaopt.report.page.figures.budgets import budget_panels
from metaopt.report.page.figures.costs import cost_panels
from metaopt.report.page.figures.hyperparameters import hyperparameter_panels
from metaopt.report.page.figures.importance import importance_panel
from metaopt.report.page.figures.learning_curves import learning_curve_panels
from metaopt.report.page.figures.parallel_coordinates import parallel_coordinates_panel
from metaopt.report.page.figures.progress import progress_panels
from metaopt.report.page.figures.rejections import rejections_panel
from metaopt.report.page.figures.trade_offs import trade_off_panels

__all__ = [
    "budget_panels",
    "cost_panels",
    "hyperparameter_panels",
    "importance_panel",
    "learning_curve_panels",
    "parallel_coordinates_panel",
    "progress_panels",
    "rejections_panel",
    "trade_off_panels",
]
