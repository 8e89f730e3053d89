"""Problem files of the tasks."""
