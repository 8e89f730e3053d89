"""Names of the archives of networks: ``<cycle>_<member>_model``, ``model_init``, ``model_<cycle>``, ``model_final``."""

from metaopt.evolving.lineage import Lineage
from metaopt.evolving.plan import EvolutionPlan

MODELS = "models"  # folder of the archives in that of the study
ARCHIVE = "model.keras"  # of a network in its checkpoint directory, until it gets its name
FINAL = "model_final.keras"
METADATA = "metadata.json"


def name_archives(lineage: Lineage, plan: EvolutionPlan, *, is_over: bool) -> dict[str, int]:
    """Return name of each archive → number of its trial, as far as it is decided.

    After a cycle, the network that goes on is ``model_<cycle>``; of fixing training and crossover, the other one is
    ``<cycle>_fixing_model`` or ``<cycle>_crossover_model``.

    Args:
        lineage: trials by their roles.
        plan: the plan.
        is_over: whether nothing more is trained.
    """
    names: dict[str, int] = {}
    if lineage.runup is not None and lineage.runup.status == "ok":
        names["model_init.keras"] = lineage.runup.number
    for cycle in lineage.cycles:
        for member, trial in enumerate(cycle.members):
            if trial.status == "ok":
                names[f"{cycle.number}_{member}_model.keras"] = trial.number
        if not cycle.is_over(plan) or cycle.winner is None:
            continue
        names[f"model_{cycle.number}.keras"] = cycle.result.number
        for role, other in (("fixing", cycle.fixing), ("crossover", cycle.child)):
            if other is not None and other.status == "ok" and other.number != cycle.result.number:
                names[f"{cycle.number}_{role}_model.keras"] = other.number
    if is_over and lineage.result is not None:
        names[FINAL] = lineage.result.number
    return names
