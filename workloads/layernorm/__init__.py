"""Layer normalisation: each row shifted and scaled to mean 0 and variance 1, then by beta and gamma."""
