"""Events with missing fields or fields of other types are damage, never a traceback."""

import copy
import json
import random
import zlib

import pytest

from metaopt.errors import UserError
from metaopt.storage.event_fields import WrongField, check_fields
from metaopt.storage.journal import DamagedJournal, Scan
from metaopt.storage.journal_lines import decode
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study
from tests.engine.synthetic import search
from tests.storage.events import epoch, header, imported, proposed

OTHER_VALUES = [None, True, 7, -1, 0.5, float("inf"), "text", [], [1], ["a"], {}, {"a": "b"}, [{}], [[1]]]


def line(event) -> bytes:
    """The line of an event, of one with infinities, too."""
    body = json.dumps(event).encode()[:-1]
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def write(path, events) -> None:
    """Write a journal with right checksums."""
    path.write_bytes(b"".join(line({"seq": i, "group": i, **event}) for i, event in enumerate(events)))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"event": "epoch", "trial": 0}, "the event 'epoch' has no epoch"),
        ({**epoch(0, 1), "metrics": {"val_accuracy": "high"}}, "the metrics of the event 'epoch' is an object"),
        ({**epoch(0, 1), "metrics": [0.5]}, "the metrics of the event 'epoch' is a list"),
        ({**epoch(0, 1), "trial": -1}, "the trial of the event 'epoch' is -1"),
        ({**epoch(0, 1), "trial": 1}, "it does not fit the lines before it"),
        ({**epoch(0, 1), "clock": None}, "the clock of the event 'epoch' is null"),
        (proposed(5, 1), "it starts trial 5, not 1"),
        (proposed(1, 1, reason={"chance_of_best": "high"}), "the reason of the event 'proposed' is an object"),
        (proposed(1, 1, left=[{"trial": 0}]), "the left of the event 'proposed' is a list"),
        ({**imported({"x": 0.1}, 0.5), "source": 7}, "the source of the event 'imported' is 7"),
        ({**header(), "objective": 3}, "the objective of the event 'study' is 3"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path, event, reason):
    path = tmp_path / "journal.jsonl"
    write(path, [header(), proposed(0, 1), event])
    with pytest.raises(DamagedJournal, match=f"line 3 is damaged: {reason}"):
        StudyState.replay(Scan(path))


def test_an_event_before_the_header_is_damage():
    with pytest.raises(WrongField, match="before the header"):
        check_fields(epoch(0, 1), has_header=False)


@pytest.mark.slow
def test_no_changed_field_gives_a_traceback(tmp_path):
    """Every field of every event of a real study gets values of other types, and is left out."""
    study = search(tmp_path / "results", sampler="tpe", scheduler="hyperband", trials=8, epochs=9)
    path = study.folder / "journal.jsonl"
    events = [decode(line) for line in path.read_bytes().splitlines(keepends=True)]
    rng = random.Random(0)
    kinds = {event["event"]: event for event in events}
    cases = [(kind, key) for kind, event in kinds.items() for key in event if key not in ("seq", "group", "event")]
    outcomes = []
    for kind, key in cases:
        for value in [*OTHER_VALUES, "missing"]:
            number = rng.choice([i for i, event in enumerate(events) if event["event"] == kind])
            changed = copy.deepcopy(events)
            changed[number][key] = value
            if value == "missing":
                del changed[number][key]
            path.write_bytes(b"".join(map(line, changed)))
            try:
                outcomes.append(bool(Study.load(study.folder).records))
            except UserError:
                outcomes.append(False)
    assert 50 < sum(outcomes) < len(outcomes) - 150
