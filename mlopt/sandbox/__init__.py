"""Programs that nobody has looked at, in processes that can do little harm."""
