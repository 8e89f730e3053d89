"""Strategy ``auto``: decides jointly what to try, how long to train it, and which trials to resume or to leave.

One Gaussian process models the losses of all trials at all rungs (``learning_curve_process``). Whenever a worker is
free, the strategy takes the trial, new or paused, and the rung with the largest expected improvement per cost, with the
right to drop the trial at that rung (``improvement_rate``). A trial that does not look good enough stays paused, and
resumes once it does.

Under several objectives, each decision is taken on the weighted Tchebycheff function of their quantiles, with weights
that change from one decision to the next (Knowles 2006: ParEGO, doi:10.1109/TEVC.2005.851274).
"""

from dataclasses import dataclass, replace

import numpy as np

from metaopt.problems.stages import TrainingStages
from metaopt.samplers import value_key
from metaopt.schedulers import Continue, Decision, Propose, Reason, Start, Stop, TrialView, brackets
from metaopt.schedulers.trial_index import TrialIndex
from metaopt.spaces import Vals
from metaopt.strategies.arms import Arms, Outlook, rates_through_checks
from metaopt.strategies.candidates import make_candidates
from metaopt.strategies.curve_view import CurveView, cached
from metaopt.strategies.points import Encoder
from metaopt.strategies.reasons import Rates, Reasons
from metaopt.strategies.second_stage import Stages
from metaopt.strategies.staged_costs import StagedCosts, fit_staged_costs, has_stages
from metaopt.strategies.start_design import farthest
from metaopt.strategies.study_curves import CurveReader, StudyCurves, scaled_times
from metaopt.strategies.study_model import EncodedTrials, StudyModel, fit_costs
from metaopt.strategies.training_costs import Seconds, TrainingCosts
from metaopt.strategies.weightings import find_weightings
from metaopt.trials.knowledge import next_start

_RUNG_FACTOR = 3**0.5  # from one rung to the next
_FIRST_RUNG = 2  # one epoch tells little, and much of it is building and tracing
_START_RUNG = 1  # index of the rung of the first trials
_START_DRAWS = 64
_MOST_OTHERS = 100  # latest trials, from which one of the first is to be far away
_PARENTS = 8  # best trials, whose mutations are candidates
# A check makes no training worth less if the model is right. But models err, and the best networks may show late: the
# rate through a check must exceed that of training on to R by a factor, which grows over the first full trainings, in
# which the model has to learn which region is good.
_MARGIN = 1.3
_MARGIN_REACHED = 8  # full trainings
_MOST_ARMS = 64  # whose checks are computed; the others are less promising
_HOPE = 0.1  # chance of becoming the best below which a trial is not resumed once no new trials start


@dataclass(frozen=True)
class Auto:
    """Joint strategy of proposals and budgets.

    Attributes:
        resource: R.
        min_resource: the minimum of the first rung.
        startup: number of first trials, which are spread over the space and trained to the second rung.
        is_timed: whether the resource is seconds, so that all networks cost the same.
        counts_epochs: whether an epoch costs the same for each network. Decisions then depend on no measured time, so
            the same seed gives the same search; it takes longer to good networks.

    Raises:
        UserError: see ``metaopt.schedulers.brackets``.
    """

    resource: int
    min_resource: int = 1
    startup: int = 8
    is_timed: bool = False
    counts_epochs: bool = False

    def __post_init__(self) -> None:
        brackets(self.resource, eta=3, min_epochs=self.min_resource)  # checks the numbers

    def next(self, view: CurveView, attempt: int = 0) -> Decision:
        """Return the next decision, see ``metaopt.engine.strategy.Strategy``."""
        with np.errstate(all="ignore"):  # np.seterr(all="raise") in a user's code is meant for that code
            return _Moment(self, view, attempt).decide()

    def rung_levels(self, bracket: int | None = None) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """Return R / 3^(k/2), rounded down, as far as it is not below the minimum, and the minimum.

        The minimum is at least 2 where R is.
        """
        least = min(max(self.min_resource, _FIRST_RUNG), self.resource)
        levels, level = {self.resource, least}, self.resource / _RUNG_FACTOR
        while int(level + 1e-9) >= least:
            levels.add(int(level + 1e-9))
            level /= _RUNG_FACTOR
        return tuple(sorted(levels))

    def pauses(self, trial: TrialView) -> bool:
        """Return whether the trial is below R."""
        return trial.target_resource < self.resource


class _Moment:
    """One decision."""

    def __init__(self, strategy: Auto, view: CurveView, attempt: int) -> None:
        self._strategy = strategy
        self._view = view
        self._attempt = attempt
        self._index = TrialIndex.of(view, strategy)
        self._index.news(view)
        self._rungs = np.array(strategy.rung_levels())
        self._trials = EncodedTrials(view)

    def decide(self) -> Decision:
        """Return the decision."""
        view = self._view
        starts = self._attempt > 0 or self._index.has_room(view)
        if not view.space.parameters:
            return Start(view.space.draw(self._generator()), self._strategy.resource) if starts else self._end({})
        if starts and not self._attempt and (known := next_start(view.knowledge, view.n_own)) is not None:
            return self._start(known, {"outside_knowledge": 1.0})
        curves = cached(view, "curves", CurveReader).read(view.history.observations, view.trials)
        if starts and (self._index.trained < self._count_first() or not curves.has_loss):
            return self._start_far_away()
        if not curves.has_loss:
            return self._end({})
        weightings = find_weightings(curves.objectives.shape[1], len(view.trials) + self._count_results())
        if starts:
            return self._choose(curves.weighted(weightings[0]), starts)
        # Once no new trials start, a paused trial resumes if it is hopeful by any weights.
        decisions = (self._choose(curves.weighted(weights), starts) for weights in weightings)
        first = next(decisions)
        return next((each for each in (first, *decisions) if isinstance(each, Continue)), first)

    def _count_results(self) -> int:
        """Return the number of results so far, by which the weights change from decision to decision."""
        return sum(len(trial.results) for trial in self._view.trials)

    def _count_first(self) -> int:
        """Return the number of first trials. An earlier study, whose best points are among them, halves it."""
        has_study = any(known.study is not None for known in self._view.knowledge)
        return self._strategy.startup // 2 if has_study else self._strategy.startup

    def _start_far_away(self) -> Start:
        """Return one of the first trials."""
        rng = self._generator()
        draws = [self._view.space.draw(rng) for _ in range(_START_DRAWS)]
        encoder = Encoder.of(self._view.space)  # without outside knowledge, which these trials are to test
        others = encoder.encode([trial.vals for trial in self._view.trials[-_MOST_OTHERS:]])
        selected = farthest(encoder.encode(draws), others, encoder.role_metric)
        return self._start(draws[selected], {"first_trials": float(self._count_first())})

    def _start(self, vals: Vals, reason: Reason) -> Start:
        """Return the start of one of the first trials."""
        return Start(vals, int(self._rungs[min(_START_RUNG, len(self._rungs) - 1)]), reason=reason)

    def _choose(self, curves: StudyCurves, starts: bool) -> Decision:
        """Return the decision with the largest expected improvement per cost."""
        model = StudyModel.of(self._view, curves, self._trials, self._strategy.resource)
        best, finals = model.find_best()
        paused = model.paused(self._view)
        if self._attempt:  # another new trial, instead of one that the guard has rejected
            paused = paused[:0]
        candidates = self._candidates(model, finals) if starts else []
        n_new = len(candidates)
        if not n_new and not len(paused):
            return self._end({})
        arms = Arms(
            self._trials.encoder.encode(candidates) + paused.points,
            np.append(np.full(n_new, -1), paused.trials),
            np.append(np.zeros(n_new), paused.resources),
        )
        numbers = [None] * n_new + [int(model.numbers[index]) for index in paused.trials]
        outlook = Outlook.of(model.process, model.feasibility, arms, best)
        scale = curves.scale(model.numbers[: model.n_observed])
        shown = {} if curves.weights is None else {f"weight_{i}": float(w) for i, w in enumerate(curves.weights, 1)}
        reasons = Reasons(outlook, scale, has_best=bool(model.is_feasible.any()), weights=shown)
        if not starts and not self._is_hopeful(outlook.chances):
            return self._end({number: reasons.of(arm) for arm, number in enumerate(numbers) if number is not None})
        costs, seconds, overhead = self._costs(arms, numbers, candidates)
        kept = np.argsort(-outlook.gains / costs[:, -1], kind="stable")[:_MOST_ARMS]
        times = scaled_times(self._rungs.astype(float), self._strategy.resource)
        rates = rates_through_checks(
            *(model.process, outlook.feasible[kept], arms[kept], self._rungs, times, costs[kept]),
            *(overhead, best, self._margin()),
        )
        row, rung = np.unravel_index(np.argmax(rates), rates.shape)
        arm, target = int(kept[row]), int(self._rungs[rung])
        reasons = replace(reasons, rates=Rates(kept, rates, self._rungs, seconds))
        left = tuple(
            (one, reasons.of_left(index))
            for index, one in enumerate(numbers)
            if one is not None and index != arm and self._is_left_now(one)
        )
        number = numbers[arm]
        if number is not None:
            return Continue(number, target, reasons.of(arm), left)
        vals = candidates[arm]
        vals.model_based = True
        return Start(vals, target, reason=reasons.of(arm), left=left)

    def _is_left_now(self, number: int) -> bool:
        """Return whether no decision has yet left this paused trial where it is."""
        trial = self._view.trials[number]
        last = trial.decisions[-1] if trial.decisions else None
        return last is None or (last.kind, last.resource) != ("left", trial.target_resource)

    def _margin(self) -> float:
        spent = 0
        for trial in self._view.trials:
            spent += trial.results[-1].resource if trial.results else 0
            if spent >= self._strategy.resource * _MARGIN_REACHED:  # of thousands of trials, the first ones suffice
                break
        return 1 + (_MARGIN - 1) * min(1.0, spent / self._strategy.resource / _MARGIN_REACHED)

    def _is_hopeful(self, chances: np.ndarray) -> bool:
        """Return whether a paused trial resumes although no new trials start: one must be complete in the end."""
        if not len(chances):
            return False
        is_complete = any(trial.complete and not trial.imported for trial in self._view.trials)
        return bool(chances.max() > _HOPE) or not (is_complete or self._index.running)

    def _end(self, reasons: dict[int, Reason]) -> Decision:
        """Return the decision where nothing is started or resumed any more."""
        decision = self._index.end(self._view)
        if isinstance(decision, Stop) and decision.trial in reasons:
            return Stop(decision.trial, reasons[decision.trial])
        assert not isinstance(decision, Propose)
        return decision

    def _candidates(self, model: StudyModel, finals: np.ndarray) -> list[Vals]:
        trials = self._view.trials
        # Every second time, candidates are draws alone. With many parameters, mutations of the best trials have the
        # best means, so they would be all that is tried.
        n_parents = _PARENTS * (len(trials) % 2)
        best = np.argsort(finals[: model.n_observed], kind="stable")[:n_parents]
        tried = self._trials.keys
        parents = [trials[number].vals for number in model.numbers[best]]
        return make_candidates(self._view.space, parents, lambda vals: value_key(vals) in tried, self._generator())

    def _costs(
        self, arms: Arms, numbers: list[int | None], candidates: list[Vals]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return costs and seconds of training each arm to each rung, (a, h), and the overhead of resuming one."""
        if self._strategy.is_timed:
            seconds = self._rungs - arms.resources[:, None]
            return seconds, seconds, 0.0
        if has_stages(self._view, self._trials):
            return self._staged_costs(arms, numbers, candidates)
        model, known = TrainingCosts.equal(self._strategy.resource), dict[int, Seconds]()
        if not self._strategy.counts_epochs:
            model, known = fit_costs(self._view, self._trials, self._strategy.resource)
        given = arms.points, arms.resources, self._rungs, _own_seconds(numbers, known)
        return model.costs(*given), model.seconds(*given), model.overheads.resume

    def _staged_costs(
        self, arms: Arms, numbers: list[int | None], candidates: list[Vals]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the same where trainings have stages."""
        model, known = StagedCosts.equal(self._strategy.resource), dict[int, Seconds]()
        if not self._strategy.counts_epochs:
            model, known = fit_staged_costs(self._view, self._trials, self._strategy.resource)
        found = [self._view.stages(vals) for vals in candidates]
        found += [self._trials.stages(number) for number in numbers if number is not None]
        stages = Stages.of([one or TrainingStages() for one in found])
        given = arms.points, arms.resources, self._rungs, _own_seconds(numbers, known), stages
        return model.costs(*given), model.seconds(*given), model.first.overheads.resume

    def _generator(self) -> np.random.Generator:
        return self._view.generator("propose", self._attempt)


def _own_seconds(numbers: list[int | None], known: dict[int, Seconds]) -> list[Seconds | None]:
    """Return the seconds of each trial, None for a new one and for one without any."""
    return [None if number is None else known.get(number) for number in numbers]
