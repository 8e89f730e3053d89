"""Figures of the predictions of a retrained model on the test images, one for each head, by its kind of output."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaopt.files.atomic_files import write_bytes
from metaopt.report.analysis.head_predictions import (
    EXAMPLE_QUANTILES,
    ClassPredictions,
    HeadPredictions,
    ImagePredictions,
    LabelPredictions,
    NumberPredictions,
)
from metaopt.report.analysis.head_scores import (
    LabelScore,
    NumberScore,
    count_confusion,
    score_labels,
    score_numbers,
    table_of,
)
from metaopt.report.plots.style import BLUE, GREY, INK, VERMILLION, add_title, write_figure
from metaopt.terminal.printable import file_name

_MOST_NAMED = 40  # classes whose names fit on an axis
_MOST_COUNTED = 20  # classes whose cells hold their counts
_MOST_LABELS = 40
_MOST_NUMBERS = 4
_LONGEST_NAME = 24


def draw_predictions(heads: Sequence[HeadPredictions], folder: Path, caption: str = "") -> list[Path]:
    """Draw the predictions of each head, and write the numbers behind each figure as CSV.

    Args:
        heads: predictions of a model on the test images.
        folder: created if it is missing; files of the same names are replaced.
        caption: the study and the model.

    Returns:
        Paths of the PNG and CSV files; an SVG is beside each PNG.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    paths = []
    for each in heads:
        path = folder / f"predictions_{file_name(each.head)}.png"
        match each:
            case ClassPredictions():
                _draw_confusion(each, path, caption)
            case LabelPredictions():
                _draw_labels(each, path, caption)
            case NumberPredictions():
                _draw_numbers(each, path, caption)
            case ImagePredictions():
                _draw_images(each, path, caption)
        table = path.with_suffix(".csv")
        write_bytes(table, table_of(each).encode())
        paths += [path, table]
    return paths


def _draw_confusion(predictions: ClassPredictions, path: Path, caption: str) -> None:
    names, counts = predictions.output.names, count_confusion(predictions)
    has_abstained = bool(counts[:, -1].any())
    shown = counts if has_abstained else counts[:, :-1]
    totals = shown.sum(axis=1, keepdims=True)
    shares = np.where(totals > 0, shown / np.maximum(totals, 1), np.nan)
    side = min(10.0, 3.0 + 0.33 * len(names))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        axes.grid(visible=False)
        if len(names) <= _MOST_NAMED:
            labels = [_short(name) for name in names]
            columns = [*labels, "no answer"] if has_abstained else labels
            is_long = max(map(len, columns)) > 3
            axes.set_xticks(range(len(columns)), columns, rotation=90 if is_long else 0)
            axes.set_yticks(range(len(labels)), labels)
        if len(names) <= _MOST_COUNTED:
            for (row, column), count in np.ndenumerate(shown):
                if count:
                    colour = "white" if shares[row, column] > 0.5 else INK
                    axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=colour)
        axes.set(xlabel="predicted", ylabel="true")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the images of the class")
        right = int(np.trace(counts[:, :-1]))
        answered = int(counts[:, :-1].sum())
        detail = f"{right:,} of {answered:,} test images are right"
        if has_abstained:
            detail += f"; {int(counts[:, -1].sum()):,} have no answer"
        add_title(figure, f"Confusion of {predictions.head}", f"{detail}.", caption)

    write_figure(path, (side + 1.2, side), draw)


def _draw_labels(predictions: LabelPredictions, path: Path, caption: str) -> None:
    scores = score_labels(predictions)
    shown = sorted(scores, key=lambda each: each.f1)[:_MOST_LABELS]
    if len(shown) == len(scores):
        shown = scores
    height = 1.9 + 0.34 * len(shown)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for side, name, colour in ((-0.13, "precision", BLUE), (0.13, "recall", VERMILLION)):
            _draw_shares(axes, shown, side, name, colour)
        labels = [f"{_short(each.name)}  ({each.images:,})" for each in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.set(ylim=(len(shown) - 0.5, -0.5), xlim=(_lower_end(shown), 1.01), xlabel="share of test images")
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(shown)), [f"{each.f1:.3f}" for each in shown])
        right.set_ylabel("F1")
        right.spines["right"].set_visible(False)
        figure.legend(loc="outside lower center", ncols=2)
        more = "" if len(shown) == len(scores) else f" The {len(shown)} of {len(scores)} labels with the smallest F1."
        n = len(predictions.true)
        detail = f"{n:,} test images; the number of each label in brackets. Bars: Wilson's 95 % interval."
        add_title(figure, f"Labels of {predictions.head}", detail + more, caption)

    write_figure(path, (6.6, height), draw)


def _lower_end(scores: Sequence[LabelScore]) -> float:
    """Return the tenth below all intervals, or a little less than 0."""
    ends = [share.interval[0] for each in scores for share in (each.precision, each.recall) if share.total]
    return max(np.floor(10 * min(ends, default=0.0)) / 10, 0.0) - 0.01


def _draw_shares(axes: Axes, scores: Sequence[LabelScore], side: float, name: str, colour: str) -> None:
    shares = [each.precision if name == "precision" else each.recall for each in scores]
    known = [(row + side, share) for row, share in enumerate(shares) if share.total]
    if not known:
        return
    rows, values = [row for row, _ in known], np.array([share.value for _, share in known])
    ends = np.array([share.interval for _, share in known]).T
    spread = np.maximum(np.abs(ends - values), 0)
    style = {"color": colour, "fmt": "o", "markersize": 4.5, "linewidth": 1.4}
    axes.errorbar(values, rows, xerr=spread, label=name, **style)  # type: ignore[arg-type]


def _draw_numbers(predictions: NumberPredictions, path: Path, caption: str) -> None:
    scores = score_numbers(predictions)[:_MOST_NUMBERS]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(scores), squeeze=False)[0]
        for number, (axes, score) in enumerate(zip(panels, scores, strict=True)):
            _draw_number(axes, predictions.true[:, number], predictions.predicted[:, number], score)
        n, k = predictions.true.shape
        more = "" if k <= len(scores) else f" The first {len(scores)} of {k} numbers."
        add_title(figure, f"Predicted and true {predictions.head}", f"{n:,} test images.{more}", caption)

    write_figure(path, (4.6 * len(scores), 5.0), draw)


def _draw_number(axes: Axes, true: np.ndarray, predicted: np.ndarray, score: NumberScore) -> None:
    ends = np.array([min(true.min(), predicted.min()), max(true.max(), predicted.max())], float)
    margin = 0.04 * (ends[1] - ends[0]) or 0.5
    ends += [-margin, margin]
    axes.plot(ends, ends, color=GREY, linewidth=1, zorder=2)
    axes.scatter(true, predicted, s=16 if len(true) <= 500 else 6, color=BLUE, alpha=0.5, linewidths=0, zorder=3)
    axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel=f"true {_short(score.name)}", ylabel="predicted")
    lines = [f"MAE {score.mae:.4g}", f"RMSE {score.rmse:.4g}", f"R² {score.r2:.4f}", f"bias {score.bias:+.3g}"]
    axes.text(0.03, 0.97, "\n".join(lines), transform=axes.transAxes, va="top")


def _draw_images(predictions: ImagePredictions, path: Path, caption: str) -> None:
    output, count = predictions.output, len(predictions.rows)
    target = predictions.true[..., : output.channels]
    completes = output.has_mask and predictions.inputs.shape == predictions.predicted.shape
    predicted = predictions.predicted
    if completes:  # nothing is learnt about the other pixels
        predicted = np.where(predictions.true[..., output.channels :] > 0, predicted, predictions.inputs)
    rows = [("input", predictions.inputs), ("prediction", predicted), ("target", target)]
    aspect = predictions.inputs.shape[1] / predictions.inputs.shape[2]
    has_baseline = len(predictions.input_psnr) > 0

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(rows), count, squeeze=False)
        for line, (name, images) in zip(panels, rows, strict=True):
            for axes, image in zip(line, images, strict=True):
                _show(axes, image)
            line[0].set_ylabel(name)
        for axes, row in zip(panels[1], predictions.rows, strict=True):
            axes.set_title(f"{predictions.psnr[row]:.1f} dB", fontsize=9)
        if has_baseline:
            for axes, row in zip(panels[0], predictions.rows, strict=True):
                axes.set_title(f"{predictions.input_psnr[row]:.1f} dB", fontsize=9)
        pixels = " over the pixels that count" if output.has_mask else ""
        detail = (
            f"Test images at the {', '.join(map(_percent, reversed(EXAMPLE_QUANTILES)))} quantiles of the"
            f" PSNR{pixels}, the best on the left. Median of {len(predictions.psnr):,} test images:"
            f" {np.median(predictions.psnr):.2f} dB"
        )
        if has_baseline:
            detail += f", of the inputs themselves {np.median(predictions.input_psnr):.2f} dB"
        others = " Pixels of the prediction that do not count are those of the input." if completes else ""
        add_title(figure, f"Images of {predictions.head}", f"{detail}.{others}", caption)

    write_figure(path, (1.5 * count + 0.5, 1.7 * aspect * len(rows) + 1.3), draw)


def _show(axes: Axes, image: np.ndarray) -> None:
    """Show an image as it is; of more than three channels, or two, the first one."""
    if image.shape[2] == 3:
        axes.imshow(image)
    else:
        axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
