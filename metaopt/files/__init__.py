"""Files: atomic, durable writing, and reading of regular files only."""
