"""Storage of a study: journal, state replay, reader, writer, record files and results.pkl."""

__all__ = [
    "comparison",
    "files",
    "foreign_trials",
    "importing",
    "journal",
    "leftovers",
    "merging",
    "opening",
    "rebuilding",
    "record_files",
    "repair",
    "results_pickle",
    "salvage",
    "state",
    "study",
    "study_header",
    "trial_events",
    "versions",
    "writer",
]
