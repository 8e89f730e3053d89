"""Studies of later versions are refused."""

import pytest

from metaopt.storage.state import StudyState
from metaopt.storage.versions import NewerStudy
from tests.storage.events import (
    header,
    run,
    state_of,
)


def test_events_of_a_later_version_are_refused_by_its_name():
    with pytest.raises(NewerStudy, match=r"written by a later version of metaopt: it has the event 'telepathy'"):
        state_of({"event": "telepathy", "trial": 77, "clock": 3.0})
    with pytest.raises(NewerStudy, match=r"written by metaopt 9\.1: it has the event 'telepathy'"):
        state_of({**run(), "version": "9.1"}, {"event": "telepathy"})


@pytest.mark.parametrize("schema", [99, 2, 0, -1, "1", None, 1.5, [1]])
def test_a_study_of_another_schema_is_refused(schema):
    with pytest.raises(NewerStudy, match=r"written by metaopt 9\.1: it has schema"):
        StudyState([{**header(), "schema": schema, "version": "9.1"}])
