"""Learning from measured trials what simulated costs miss."""
