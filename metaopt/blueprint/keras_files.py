"""Errors of Keras about the files of models."""


def is_about_lambda(error: BaseException) -> bool:
    """Return whether Keras refused to load a file in its safe mode because it holds a ``Lambda`` layer, i.e. code."""
    text = str(error)
    return "Lambda" in text and "safe_mode" in text
