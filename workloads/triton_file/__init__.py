"""A Triton kernel of the user's own, with its launcher, inputs and reference."""
