"""Trackers: what follows a search in TensorBoard, Optuna's dashboard, MLflow or Weights & Biases.

Each one works in a thread of its own: one that fails or hangs neither stops nor slows a search.
"""
