"""Evolution of a compiled Keras model while it trains: its description, its copies under other configurations, data."""
