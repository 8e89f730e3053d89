"""Problem files of the tables whose space is not a ready-made one."""
