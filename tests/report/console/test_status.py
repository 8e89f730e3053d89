"""State of studies as text."""

from dataclasses import replace

from metaopt.report.analysis.study_status import StudyStatus
from metaopt.report.console.status import describe_list, describe_status

STATUS = StudyStatus(
    folder="pets",
    state="completed",
    subject="data digits",
    space="cnn",
    strategy="asha",
    goal=12,
    trials={"completed": 9, "failed": 1, "paused": 2},
    imported=0,
    infeasible=3,
    seconds=251.0,
    changed=1000.0,
    objective="val_accuracy",
    best=6,
    score=0.993,
    constraints=("memory<=1.843e+10", "params<=2e+06"),
    bytes=34_200_000,
)


def test_status_is_told_in_lines() -> None:
    lines = describe_status(STATUS, now=1600.0)
    assert lines[:-1] == [
        "study   pets",
        "state   completed, last change 10 min ago",
        "search  asha · data digits · space cnn",
        "trials  12 of 12: 9 completed, 1 failed, 2 paused, 3 infeasible",
        "limits  memory<=18.4 GB, params<=2e+06",
        "time    4 min of search",
        "best    trial 6, validation accuracy 0.9930 (the best of 11 validation scores, therefore optimistic)",
        "disk    34.2 MB",
    ]
    assert " best --results " in lines[-1]


def test_the_next_command_follows_the_state() -> None:
    def following(**changed) -> str:
        return describe_status(replace(STATUS, **changed), now=0)[-1]

    assert " report --results " in following(state="running")
    assert " search --results " in following(state="interrupted")
    assert "metaopt.search" in following(state="interrupted", subject="function train")
    assert "loosen the constraints" in following(best=None, score=None)


def test_list_begins_with_the_latest_change() -> None:
    lines = describe_list([STATUS, replace(STATUS, folder="new", changed=1500.0, score=None, goal=None)], now=1600.0)
    assert lines == [
        "study  state      trials    best    objective     strategy  subject      last change",
        "new    completed  12        –       val_accuracy  asha      data digits  2 min ago",
        "pets   completed  12 of 12  0.9930  val_accuracy  asha      data digits  10 min ago",
    ]
