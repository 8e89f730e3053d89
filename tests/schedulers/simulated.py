"""A study in memory for tests of schedulers: learning curves, several workers, and the rules of the loop checked."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from metaopt.schedulers import Continue, Decision, Done, Propose, Scheduler, Stop, Wait
from metaopt.trials.ranking import RankKey
from metaopt.trials.trial import Status

NEVER = 10**9


@dataclass
class SimulatedTrial:
    """Attributes as of ``TrialView``; how it trains besides."""

    number: int
    target_resource: int
    bracket: int | None = None
    status: Status = "running"
    complete: bool = False
    imported: bool = False
    is_discarded: bool = False
    losses: list[float] = field(default_factory=list)
    ends_at: int = NEVER  # it stops early after so many epochs
    fails_at: int = NEVER
    refused: bool = False  # by the guard in the worker
    discarded_at: int = NEVER  # a race over folds ends it at this target
    jobs: int = 1
    rungs: list[int] = field(default_factory=list)


@dataclass
class Simulation:
    """A study and its loop.

    Attributes:
        make: gives the scheduler, a new one whenever it is asked: the loop asks each time, as if it had crashed.
        resource: R.
        loss: of (trial, epoch).
        checked: asks a second time with an empty cache, and compares.
        started_before_waits: number of trials that counted towards the goal each time that a free worker had to wait.
    """

    make: Callable[[], Scheduler]
    resource: int
    goal: int | None = None
    slots: int = 1
    seed: int = 0
    failing: float = 0.0
    early: float = 0.0
    refused: float = 0.0
    discarded: float = 0.0
    loss: Callable[[int, int], float] | None = None
    checked: bool = True
    trials: list[SimulatedTrial] = field(default_factory=list)
    cache: dict[Any, Any] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    started_before_waits: list[int] = field(default_factory=list)
    asked: Counter[tuple[int, int]] = field(default_factory=Counter)

    def __post_init__(self):
        self.rng = random.Random(self.seed)

    # What a scheduler sees.

    ranks_version = 0

    @property
    def running(self) -> int:
        return sum(trial.status == "running" for trial in self.trials)

    def rank_key(self, trial, resource: int) -> RankKey | None:
        own = self.trials[trial.number]
        self.asked[own.number, resource] += 1
        known = own.losses[:resource]
        if own.status in ("fail", "rejected") or not known:
            return None
        return min(known), float(own.number)

    # The loop.

    def run(self, until: Callable[[], bool] = lambda: False) -> "Simulation":
        """Searches to the end; a second time, after the goal was raised, it goes on."""
        while not until():
            if self.running < self.slots:
                decision = self.decide()
                if isinstance(decision, Done):
                    assert not self.running
                    assert not any(trial.status == "paused" for trial in self.trials)
                    break
                if not isinstance(decision, Wait):
                    self.carry_out(decision)
                    continue
                assert self.running, "it would wait for ever"
                self.started_before_waits.append(self.counted)
            self.finish(self.rng.choice([trial for trial in self.trials if trial.status == "running"]))
        return self

    def decide(self) -> Decision:
        decision = self.make().next(self)
        if self.checked:
            known, self.cache = self.cache, {}
            assert self.make().next(self) == decision, "it depends on what it remembers"
            self.cache = known
        self.decisions.append(decision)
        assert len(self.decisions) < 100_000, "it never ends"
        return decision

    def carry_out(self, decision: Decision) -> None:
        match decision:
            case Propose(to, bracket):
                assert 1 <= to <= self.resource
                assert self.goal is None or self.counted < self.goal
                self.trials.append(self.new(to, bracket))
            case Continue(number, to):
                trial = self.trials[number]
                assert trial.status == "paused"
                assert trial.target_resource < to <= self.resource
                trial.status, trial.target_resource, trial.jobs = "running", to, trial.jobs + 1
            case Stop(number):
                assert self.trials[number].status == "paused"
                self.trials[number].status = "ok"
            case _:
                raise AssertionError(decision)

    def new(self, to: int, bracket: int | None) -> SimulatedTrial:
        trial = SimulatedTrial(len(self.trials), to, bracket)
        if self.rng.random() < self.refused:
            trial.refused = True
        if self.rng.random() < self.failing:
            trial.fails_at = self.rng.randint(1, self.resource)
        if self.rng.random() < self.early:
            trial.ends_at = self.rng.randint(1, self.resource)
        if self.discarded and self.rng.random() < self.discarded:
            trial.discarded_at = self.rng.randint(1, self.resource)
        return trial

    def finish(self, trial: SimulatedTrial) -> None:
        """Trains to the end of the job."""
        assert trial.status == "running"
        if trial.refused:
            trial.status = "rejected"
            return
        epochs = min(trial.target_resource, trial.ends_at)
        while len(trial.losses) < epochs:
            if len(trial.losses) + 1 == trial.fails_at:
                trial.status = "fail"
                return
            trial.losses.append(self.value(trial.number, len(trial.losses) + 1))
        trial.rungs.append(trial.target_resource)
        trial.complete = epochs < trial.target_resource or trial.target_resource == self.resource
        if not trial.complete and trial.target_resource >= trial.discarded_at:
            trial.is_discarded = True
        trial.status = "ok" if trial.complete or trial.is_discarded else "paused"

    def value(self, number: int, epoch: int) -> float:
        if self.loss is not None:
            return self.loss(number, epoch)
        noise = random.Random(f"{self.seed} {number} {epoch}").random()
        return random.Random(f"{self.seed} {number}").random() + (1 + noise) / (1 + epoch)

    # What is asked of it afterwards.

    @property
    def counted(self) -> int:
        """Trials that count towards the goal."""
        return sum(not trial.imported and trial.status != "rejected" for trial in self.trials)

    @property
    def trained(self) -> int:
        """Epochs."""
        return sum(len(trial.losses) for trial in self.trials)

    @property
    def charged(self) -> int:
        """Epochs if every rung were trained from nothing."""
        return sum(sum(trial.rungs) for trial in self.trials)

    def reached(self, resource: int, bracket: int | None = None) -> list[int]:
        """Trials that were trained to so much, of a bracket."""
        return [
            trial.number
            for trial in self.trials
            if (bracket is None or trial.bracket == bracket) and resource in trial.rungs
        ]
