"""Exchange with other programs: trials as tables, and in the storages and logs of other libraries."""
