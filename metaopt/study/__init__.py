"""The study: the search loop, the journal that is the truth, and the records made from it."""
