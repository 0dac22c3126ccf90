"""Training of policies on many programs, and what became of them on others."""
