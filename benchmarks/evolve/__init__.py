"""Evolution of one training's hyperparameters beside other ways to spend the same epochs or seconds.

``python3 -m benchmarks.evolve --help`` tells the commands, and docs/evolve.md what they measured.
"""
