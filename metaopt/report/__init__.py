"""What a search shows: its progress, its figures, and what its numbers are worth."""
