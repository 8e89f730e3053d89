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

SIZES = (200, 400, 800)
SCHEMES = {"hold-out": (1, 1), "5 folds": (5, 1), "5 folds × 2": (5, 2), "5 folds × 3": (5, 3), "10 folds": (10, 1)}
NETWORKS = [(units, rate) for units in (8, 32, 128) for rate in (0.001, 0.01)]


def fit_score(network: tuple[int, float], seed: int, train: tuple, test: tuple) -> float:
    """Return the accuracy on ``test`` of a network trained on ``train``."""
    units, rate = network
    model = MLPClassifier((units,), learning_rate_init=rate, batch_size=16, max_iter=30, random_state=seed)
    return float(model.fit(*train).score(*test))


def splits(labels: np.ndarray, folds: int, repeats: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the (training, validation) indices of a scheme."""
    return [hold_out(labels, HELD_OUT, seed)] if folds == 1 else repeated_folds(labels, folds, repeats, seed)


def run(n: int, draw: int) -> dict[str, tuple[float, float]]:
    """Return for each scheme the error of its best score and the accuracy that its choice loses."""
    images, labels = load_digits(return_X_y=True)
    known, test, known_labels, test_labels = train_test_split(
        images / 16, labels, train_size=n, stratify=labels, random_state=draw
    )
    final = [
        np.mean([fit_score(each, 100 + s, (known, known_labels), (test, test_labels)) for s in range(3)])
        for each in NETWORKS
    ]
    found = {}
    for name, (folds, repeats) in SCHEMES.items():
        pairs = splits(known_labels, folds, repeats, draw)
        scores = [
            np.mean(
                [
                    fit_score(each, number, (known[a], known_labels[a]), (known[b], known_labels[b]))
                    for number, (a, b) in enumerate(pairs)
                ]
            )
            for each in NETWORKS
        ]
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
