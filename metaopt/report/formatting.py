"""Numbers and metric names as text for people."""

_METRIC_LABELS = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "val_top3": "validation top-3 accuracy",
    "val_precision": "validation precision (macro)",
    "val_balanced_accuracy": "validation balanced accuracy",
    "val_f1": "validation F1 (macro)",
    "val_map": "validation mean average precision",
    "val_mse": "validation MSE",
    "val_mae": "validation MAE",
    "val_r2": "validation R²",
    "val_psnr": "validation PSNR (dB)",
    "val_ssim": "validation SSIM",
    "params": "parameters",
    "macs": "MACs of one image",
    "memory": "memory of training (bytes)",
    "model_bytes": "size of the model file (bytes)",
    "latency_ms": "latency of one image (ms)",
    "seconds": "training seconds",
    "convergence": "convergence (small is quick and good)",
}


def metric_label(name: str) -> str:
    """Return the label of a metric, e.g. ``validation accuracy`` for ``val_accuracy``."""
    return _METRIC_LABELS.get(name, name.replace("_", " "))


def format_duration(seconds: float) -> str:
    """Return a number of seconds in a readable unit, e.g. ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_count(number: float) -> str:
    """Return a large number with three digits and a prefix, e.g. ``1.2 M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:g}"
