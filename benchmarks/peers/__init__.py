"""Search strategies of metaopt and of other libraries on tables of real trainings, on the same simulated clock."""
