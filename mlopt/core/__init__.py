"""Plain data that every other part of mlopt speaks in; imports nothing else of mlopt."""
