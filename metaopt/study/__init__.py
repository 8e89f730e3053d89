"""Import path of earlier versions, kept for problem files that users wrote; see ``metaopt.problems``."""
