"""Storage of a study: journal, state replay, reader, writer, record files and results.pkl."""

__all__ = [
    "files",
    "importing",
    "journal",
    "record_files",
    "results_pickle",
    "state",
    "study",
    "writer",
]
