"""State of one network during repair."""

from metaopt.guard.repair.repair_state import RepairState
from metaopt.spaces import Vals


def test_moves_change_the_values_of_the_state_only():
    vals = Vals({"a": 1, "b": 2})
    state = RepairState([], vals)
    state.move({"a": 5})
    assert (state.vals, state.moved, state.is_valid) == ({"a": 5, "b": 2}, {"a"}, True)
    assert vals == {"a": 1, "b": 2}
