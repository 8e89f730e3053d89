"""Methods of the benchmark by name; each is imported in the process of its run only."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Method:
    """A way to spend a budget.

    Attributes:
        module: module in this package whose function of the method's name runs it.
        function: the function.
        packages: distributions that it needs.
    """

    module: str
    function: str
    packages: tuple[str, ...] = ()

    def find_missing(self) -> str | None:
        """Return the first distribution that is not installed."""
        for name in self.packages:
            try:
                version(name)
            except PackageNotFoundError:
                return name
        return None


METHODS = {
    "unchanged": Method("unchanged", "train_unchanged"),
    "evolve": Method("evolving", "evolve"),
    "optuna median": Method("optuna_study", "search_with_median", ("optuna",)),
    "optuna hyperband": Method("optuna_study", "search_with_hyperband", ("optuna",)),
    "optuna median long": Method("optuna_study", "search_long_with_median", ("optuna",)),
    "optuna hyperband long": Method("optuna_study", "search_long_with_hyperband", ("optuna",)),
    "ray pbt": Method("ray_pbt", "train_population", ("ray",)),
}
