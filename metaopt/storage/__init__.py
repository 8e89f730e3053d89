"""Storage of a study: journal, state replay, reader, writer, record files and results.pkl."""

__all__ = [
    "files",
    "importing",
    "journal",
    "rebuilding",
    "record_files",
    "repair",
    "results_pickle",
    "state",
    "study",
    "study_header",
    "writer",
]
