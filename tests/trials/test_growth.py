"""Growing constraints: the text, the starts of the phases, and the constraints in force."""

import pytest

from metaopt.errors import UserError
from metaopt.trials.constraints import Constraint, parse_constraints
from metaopt.trials.growth import Growth, check_fill, constraints_in_force, parse_growth, phase_starts


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("macs=1e6,2e6,4e6", Growth("macs", (1e6, 2e6, 4e6))),
        (" params = 1000 , 20_00", Growth("params", (1000, 2000))),
        ("blocks=1,2,4", Growth("blocks", (1, 2, 4))),
        ("macs=5e6", Growth("macs", (5e6,))),
    ],
)
def test_growth_is_parsed(text, growth):
    assert parse_growth(text) == growth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs", "Expected NAME=NUMBER"),
        ("", "Expected NAME=NUMBER"),
        ("macs=1e6,,2e6", "Expected NAME=NUMBER"),
        ("macs=1e6;2e6", "Expected NAME=NUMBER"),
        ("macs=few,many", "Expected NAME=NUMBER"),
        ("macs<=1e6", "Expected NAME=NUMBER"),
        ("memory=1e6,2e6", "memory cannot grow; expected one of params, macs, blocks"),
        ("block=1,2", "block cannot grow"),
        ("macs=0,1e6", "must be above 0"),
        ("macs=1e6,nan", "Expected NAME=NUMBER"),
        ("macs=1e6,inf", "Expected NAME=NUMBER"),
        ("blocks=1,2.5", "must be integers"),
        ("macs=2e6,1e6", "must ascend from phase to phase"),
        ("macs=1e6,1e6", "must ascend from phase to phase"),
    ],
)
def test_malformed_growth_is_refused(text, message):
    with pytest.raises(UserError, match=message) as raised:
        parse_growth(text)
    assert str(raised.value).startswith(f"Invalid value for grow: {text}. ")


def test_phases_get_equal_shares_and_the_last_one_the_rest():
    assert phase_starts(parse_growth("blocks=1,2,4"), 0, 11) == (0, 3, 6)
    assert phase_starts(parse_growth("blocks=1,2,4"), 50, 3) == (50, 51, 52)
    assert phase_starts(parse_growth("macs=5"), 0, 1) == (0,)
    with pytest.raises(UserError, match="3 phases, but the number of trials is 2"):
        phase_starts(parse_growth("blocks=1,2,4"), 0, 2)


def test_the_constraint_of_the_last_phase_joins_the_user_s():
    assert list(map(str, constraints_in_force(["params<=500"], "macs=10,20"))) == ["params<=500", "macs<=20"]
    assert list(map(str, constraints_in_force(["macs<=30", "val_loss<=2"], "macs=10,20"))) == [
        "val_loss<=2",
        "macs<=20",
    ]
    assert list(map(str, constraints_in_force(["macs<=30"], "blocks=1,2"))) == ["macs<=30"]
    with pytest.raises(UserError, match="goes beyond the constraint macs<=15"):
        constraints_in_force(["macs<=15"], "macs=10,20")


def test_a_phase_bounds_its_count_or_its_number_of_blocks():
    macs, blocks = parse_growth("macs=10,20"), parse_growth("blocks=1,2,4")
    assert [macs.constraint(phase) for phase in (0, 1)] == [Constraint("macs", True, 10), Constraint("macs", True, 20)]
    assert [blocks.constraint(phase) for phase in (0, 1, 2)] == [None] * 3
    assert [blocks.depths(phase) for phase in (0, 1, 2)] == [(0, 1), (2, 2), (3, 4)]


@pytest.mark.parametrize(
    ("fill", "constraints", "message"),
    [
        (0.0, ["params<=5"], "Invalid value for fill: 0. Expected a number between 0 and 1"),
        (1.0, ["params<=5"], "Invalid value for fill: 1."),
        (0.9, [], "fill 0.9 needs a constraint to fill"),
        (0.9, ["memory<=5", "val_loss<=2"], "fill 0.9 needs a constraint to fill"),
    ],
)
def test_a_share_to_fill_is_checked(fill, constraints, message):
    with pytest.raises(UserError, match=message):
        check_fill(fill, parse_constraints(constraints))


@pytest.mark.parametrize(("fill", "constraints"), [(None, []), (0.9, ["params<=5"]), (0.1, ["macs<=5", "memory<=1"])])
def test_a_share_to_fill_needs_params_or_macs(fill, constraints):
    check_fill(fill, parse_constraints(constraints))
