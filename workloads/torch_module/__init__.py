"""A PyTorch module of the user's own."""
