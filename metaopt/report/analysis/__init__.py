"""Analysis of records: pure data for plots and console output."""
