"""What a compiled kernel should cost on a described GPU, told by its IR and machine code alone."""
