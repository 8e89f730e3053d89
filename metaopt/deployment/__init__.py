"""Exported models in the formats of other frameworks: writing, checking against the original, predicting."""
