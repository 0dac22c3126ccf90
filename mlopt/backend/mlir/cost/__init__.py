"""What a transformed program should cost on a described CPU, read from its IR alone."""
