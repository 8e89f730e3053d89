"""Feasibility: whether a space has a network that is valid and meets the constraints, before a study is opened."""

from metaopt.guard.guard import Guard
from metaopt.guard.rejections import Rejections
from metaopt.guard.repair import Repair
from metaopt.guard.stacks import Stacks
from metaopt.randomness import make_generator
from metaopt.spaces import Space

# As many as a search draws for one trial before it gives up, so that nothing is refused that it would find.
DRAWS = 5_000
REPAIRS = 100
BEFORE_REPAIRS = 100  # draws without repair, since a repair of deep stacks is set up in half a second


def find_rejections(space: Space, guard: Guard, stacks: Stacks | None = None, draws: int = DRAWS) -> Rejections | None:
    """Return the rejections of a space of which nothing passes; None as soon as a network passes.

    Most spaces have such a network among the first draws, which takes milliseconds.

    Args:
        space: the compiled space.
        guard: judges; without a blueprint it rejects nothing here.
        stacks: allowed depths; all by default.
        draws: number of draws before the search for a network ends.
    """
    stacks = stacks or Stacks(space)
    rejections = Rejections()
    repair: Repair | None = None
    repairs = REPAIRS
    for number in range(draws):
        vals = stacks.draw(make_generator(0, number, "feasibility"))
        point = space.point(vals)
        verdict = guard.judge(point, set())
        if verdict.reason is None:
            return None
        rejections.add(verdict, point)
        if number >= BEFORE_REPAIRS and repairs > 0:
            repair = repair or Repair(space, guard, stacks)
            repaired = repair(vals, make_generator(0, number, "feasibility repair"))
            rejections.lower(repaired.smallest)
            if repaired.vals is not None and guard.judge(space.point(repaired.vals), set()).reason is None:
                return None
            repairs = repairs - 1 if repaired.vals is not None else 0  # one that finds nothing takes seconds
    return rejections
