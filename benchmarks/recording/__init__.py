"""Recording of commands on terminals as an animation."""
