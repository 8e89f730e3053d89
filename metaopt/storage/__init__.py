"""Storage of a study: journal, state replay, reader, writer, record files and results.pkl."""
