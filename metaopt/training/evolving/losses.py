"""Losses of a user's model: the task that each is for, and the same with another label smoothing."""

from typing import Any

import keras

from metaopt.values.safe_text import class_name

CLASSES, LABELS, NUMBERS, OTHER = "classes", "labels", "numbers", "other"

SPARSE, CATEGORICAL, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)
_TASKS = {
    **dict.fromkeys((SPARSE, CATEGORICAL, "categorical_focal_crossentropy"), CLASSES),
    **dict.fromkeys((BINARY, "binary_focal_crossentropy"), LABELS),
    **dict.fromkeys(
        (
            *("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error"),
            *("mean_absolute_percentage_error", "huber", "log_cosh"),
        ),
        NUMBERS,
    ),
}


def loss_name(loss: Any) -> str:
    """Return the name of a loss's function, e.g. ``"mean_squared_error"``."""
    if loss is None:
        return ""
    known = keras.losses.get(loss)
    function = getattr(known, "fn", known)
    return str(getattr(function, "__name__", class_name(function)))


def find_task(loss: Any) -> str:
    """Return the task that a loss is for: ``classes``, ``labels``, ``numbers`` or ``other``."""
    return _TASKS.get(loss_name(loss), OTHER)


def arguments_of(loss: Any) -> dict[str, Any]:
    """Return the arguments of a loss's function, e.g. ``from_logits``."""
    return dict(getattr(loss, "_fn_kwargs", {}))


def is_smoothable(loss: Any) -> bool:
    """Return whether a loss can have another label smoothing: a cross-entropy of Keras, averaged over the batch."""
    if loss is None or loss_name(loss) not in (SPARSE, CATEGORICAL, BINARY):
        return False
    is_averaged = getattr(loss, "reduction", "sum_over_batch_size") == "sum_over_batch_size"
    return is_averaged and arguments_of(loss).get("ignore_class") is None


def smoothing_of(loss: Any) -> float:
    """Return the label smoothing of a loss."""
    return float(arguments_of(loss).get("label_smoothing", 0.0))


def smoothed(loss: Any, smoothing: float) -> Any:
    """Return a loss with another label smoothing; a loss that has none stays as it is."""
    if not is_smoothable(loss) or smoothing_of(loss) == smoothing:
        return loss
    known = {name: value for name, value in arguments_of(loss).items() if name in ("from_logits", "axis")}
    match loss_name(loss):
        case "sparse_categorical_crossentropy":
            return SmoothedSparseCrossentropy(bool(known.get("from_logits", False)), smoothing)
        case "categorical_crossentropy":
            return keras.losses.CategoricalCrossentropy(label_smoothing=smoothing, **known)
    return keras.losses.BinaryCrossentropy(label_smoothing=smoothing, **known)


@keras.saving.register_keras_serializable("metaopt")
class SmoothedSparseCrossentropy(keras.losses.Loss):
    """Cross-entropy of class indices with label smoothing, which Keras has for probabilities only.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of a label that is distributed over all classes.
    """

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(name="smoothed_sparse_crossentropy")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example."""
        if len(y_true.shape) == len(y_pred.shape):
            y_true = keras.ops.squeeze(y_true, -1)
        classes = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
        return keras.losses.categorical_crossentropy(
            classes, y_pred, from_logits=self.from_logits, label_smoothing=self.label_smoothing
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}
