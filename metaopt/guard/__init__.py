"""Guard: verdicts on proposed networks, memory estimate and repair."""
