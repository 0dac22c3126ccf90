"""Pages that a browser shows without a network, and the figures on them."""
