"""Ready problems, one file each: a search space and its network.

``metaopt.problems.loading`` finds them by name.
"""
