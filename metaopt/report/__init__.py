"""Reports on studies: analyses as pure data, figures, and console output."""

__all__ = ["analysis", "console", "formatting", "plots"]
