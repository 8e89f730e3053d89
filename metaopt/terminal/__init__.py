"""What connects a command with its terminal: output, interruption, and commands and paths as users can paste them."""
