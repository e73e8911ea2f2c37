"""Learning cluster models from a stream of profiles."""
