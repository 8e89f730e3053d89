import copy
import pickle

import pytest

from metaopt import errors
from metaopt.errors import (
    ConstraintViolated,
    EnvironmentFault,
    NoneFeasible,
    NoTrialSucceeded,
    QuotaTooSmall,
    ResultsNotWritable,
    StudyMismatch,
    UserError,
    hint,
    invalid_value,
    nearest,
)


def test_exit_codes_are_those_of_the_documentation() -> None:
    codes = {UserError: 2, StudyMismatch: 3, NoTrialSucceeded: 4, NoneFeasible: 5, ResultsNotWritable: 6}
    codes |= {EnvironmentFault: 6, QuotaTooSmall: 2, ConstraintViolated: 5}
    assert {cls: cls.exit_code for cls in codes} == codes
    assert all(issubclass(cls, UserError) for cls in codes)
    defined = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)}
    assert defined == set(codes)


def test_invalid_value_names_parameter_value_and_range() -> None:
    error = invalid_value("folds", 1.5, "Expected an integer >= 1.")
    assert type(error) is UserError
    assert str(error) == "Invalid value for folds: 1.5. Expected an integer >= 1."
    assert error.parameters == ("folds",)


def test_hints_name_the_nearest_word_or_all() -> None:
    assert hint("tpo", ("tpe", "random")) == "Did you mean tpe?"
    assert hint("xyz", ("tpe", "random")) == "Expected one of tpe, random."


def test_nearest_is_none_where_no_word_is_similar() -> None:
    assert nearest("tpo", iter(["tpe", "random"])) == "tpe"
    assert nearest("xyz", ["tpe", "random"]) is None


@pytest.mark.parametrize("cls", [UserError, StudyMismatch, ResultsNotWritable])
def test_errors_survive_pickling(cls: type[UserError]) -> None:
    error = cls("The folder cannot be written.", "results", "executor")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is cls
        assert str(other) == "The folder cannot be written."
        assert other.parameters == ("results", "executor")


def test_message_is_optional() -> None:
    assert str(UserError()) == ""
    assert UserError().parameters == ()
    assert UserError("Only a message.").parameters == ()
