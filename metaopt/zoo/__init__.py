"""Ready problems, one file each: a space and the network of its points; ``metaopt.zoo.loading`` finds them by name."""
