"""The backend of recorded spaces: it builds nothing and remembers everything."""
