"""Problems: a search space with its network, training configuration and loading from files."""
