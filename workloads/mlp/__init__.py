"""Two linear layers with a GELU between them: Y = gelu(X W1 + b1) W2 + b2."""
