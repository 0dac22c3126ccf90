"""A recorded space."""
