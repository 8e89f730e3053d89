"""Folds and repeats for few images: how good the choice among networks is, and what it costs.

For several numbers of labelled digits, multilayer perceptrons with different hyperparameters are compared by the mean
validation accuracy of each resampling scheme. The best one is trained again on all of them and tested on the digits
that are left. Prints for each scheme the trainings per network, the root mean square error of the best score, and how
much test accuracy the choice loses against the best network.

    python benchmarks/fold_count.py --draws 30
"""

import argparse
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from metaopt.data.split import HELD_OUT, hold_out, repeated_folds

SIZES = (150, 500, 1200)
SCHEMES = {"hold-out": (1, 1), "5 folds": (5, 1), "5 folds × 2": (5, 2), "5 folds × 3": (5, 3)}
MOST = 15  # trainings of a scheme; those of a smaller number of folds are the first of them
NETWORKS = [(units, rate) for units in (8, 64) for rate in (0.001, 0.01)]


def fit_score(network: tuple[int, float], seed: int, train: tuple, test: tuple) -> float:
    """Return the accuracy on ``test`` of a network trained on ``train``."""
    units, rate = network
    model = MLPClassifier((units,), learning_rate_init=rate, batch_size=16, max_iter=15, random_state=seed)
    return float(model.fit(*train).score(*test))


def run(n: int, draw: int) -> dict[str, tuple[float, float]]:
    """Return for each scheme the error of its best score and the accuracy that its choice loses."""
    images, labels = load_digits(return_X_y=True)
    known, test, known_labels, test_labels = train_test_split(
        images / 16, labels, train_size=n, stratify=labels, random_state=draw
    )

    def score(network: tuple[int, float], number: int, rows: tuple[np.ndarray, np.ndarray]) -> float:
        train, held = ((known[each], known_labels[each]) for each in rows)
        return fit_score(network, number, train, held)

    final = [
        np.mean([fit_score(each, 100 + s, (known, known_labels), (test, test_labels)) for s in range(3)])
        for each in NETWORKS
    ]
    pairs = repeated_folds(known_labels, 5, MOST // 5, draw)
    of_folds = [[score(each, number, rows) for number, rows in enumerate(pairs)] for each in NETWORKS]
    held_out = [[score(each, 0, hold_out(known_labels, HELD_OUT, draw))] for each in NETWORKS]
    found = {}
    for name, (folds, repeats) in SCHEMES.items():
        scores = [np.mean(each[: folds * repeats]) for each in (held_out if folds == 1 else of_folds)]
        best = int(np.argmax(scores))
        found[name] = float(scores[best] - final[best]), float(max(final) - final[best])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=30, help="random draws of the labelled digits per size")
    draws = parser.parse_args().draws
    warnings.simplefilter("ignore", ConvergenceWarning)
    for n in SIZES:
        rows = [run(n, draw) for draw in range(draws)]
        for name, (folds, repeats) in SCHEMES.items():
            errors, losses = np.array([row[name] for row in rows]).T
            print(
                f"{n:4} images  {name:12} {folds * repeats:3} trainings  bias {100 * errors.mean():+5.1f}"
                f"  RMSE {100 * np.sqrt(np.mean(errors**2)):4.1f}  loses {100 * losses.mean():.2f}"
                f" ± {100 * losses.std(ddof=1) / np.sqrt(draws):.2f} points",
                flush=True,
            )


if __name__ == "__main__":
    main()
