"""Outside knowledge as prior beliefs: an earlier study of the same space, and default points.

A belief is a function of the point, in standard deviations of the loss, that is 0 on average. Its coefficient in the
mean of the learning-curve process is uncertain (β, see there), so the evidence of the search itself decides how much a
belief counts, and one that is wrong is unlearnt. Ranks transfer from one data set to another, values do not: only the
shape of an earlier study's losses is used (Feurer et al. 2018: Practical Transfer Learning for Bayesian Optimization,
arXiv:1802.02219, weights surrogates of earlier studies by their ranks; here the weight is a posterior). That a user's
prior has to fade with evidence is from Hvarfner et al. 2022: πBO, arXiv:2204.11051.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaopt.strategies.learning_curve_process import LearningCurveProcess, Observed
from metaopt.strategies.points import Encoder, Points
from metaopt.strategies.study_curves import scaled_times
from metaopt.strategies.targets import standardise
from metaopt.trials.knowledge import Knowledge, KnownPoint

_TYPICAL_DRAWS = 256  # of the prior, which tell how far apart points are
_DRAW_SEED = 0

Belief = Callable[[Points], np.ndarray]


@dataclass(frozen=True)
class InformedEncoder(Encoder):
    """Encoder that adds a column of beliefs for each source of knowledge.

    Attributes:
        sources: the beliefs.
        replaces_edges: whether they stand for the belief in the centres of ranges, which an earlier study has tested.
    """

    sources: tuple[Belief, ...] = ()
    replaces_edges: bool = False

    @classmethod
    def informed(cls, encoder: Encoder, knowledge: Sequence[Knowledge]) -> Encoder:
        """Return an encoder with what is known."""
        studies = [each for each in knowledge if each.study is not None]
        defaults = [point for each in knowledge if each.study is None for point in each.points]
        sources = [_belief_of_study(encoder, each) for each in studies]
        sources += [_belief_of_defaults(encoder, defaults)] if defaults else []
        return cls(
            encoder.space, encoder.metric, encoder.role_metric, encoder.edge_weights, tuple(sources), bool(studies)
        )

    def encode_points(self, features: np.ndarray, edges: np.ndarray) -> Points:
        """See ``Encoder``."""
        plain = Points(features, edges)
        columns = [source(plain)[:, None] for source in self.sources]
        return replace(plain, beliefs=np.hstack([edges[:, :0] if self.replaces_edges else edges, *columns]))


def _belief_of_study(encoder: Encoder, known: Knowledge) -> Belief:
    """Return the losses at R that an earlier study predicts, standardised."""
    points = encoder.encode([each.vals for each in known.points])
    times = scaled_times(np.array([each.resource for each in known.points], dtype=float), known.resource)
    losses = standardise(np.array([each.loss for each in known.points], dtype=float))
    observed = Observed(points, np.arange(len(points)), times, losses)
    process = LearningCurveProcess.fit(observed, encoder.metric)

    def predict(new: Points) -> np.ndarray:
        return process.posterior(new, np.ones((len(new), 1))).means[:, 0]

    typical = predict(_typical_points(encoder))
    centre, spread = float(typical.mean()), float(typical.std()) or 1.0
    return lambda new: (predict(new) - centre) / spread


def _belief_of_defaults(encoder: Encoder, defaults: Sequence[KnownPoint]) -> Belief:
    """Return the distance to the nearest default point, relative to that of draws from the prior, less 1."""
    points = encoder.encode([each.vals for each in defaults])

    def measure(new: Points) -> np.ndarray:
        return np.sqrt(encoder.metric.squared_distances(new, points).sum(axis=0).min(axis=1))

    typical = float(measure(_typical_points(encoder)).mean()) or 1.0
    return lambda new: measure(new) / typical - 1


def _typical_points(encoder: Encoder) -> Points:
    rng = np.random.default_rng(_DRAW_SEED)
    return encoder.encode([encoder.space.draw(rng) for _ in range(_TYPICAL_DRAWS)])
