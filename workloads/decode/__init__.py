"""One step of decoding: attention of a single query a head to a cache of keys and values."""
