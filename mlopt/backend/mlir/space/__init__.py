"""What can be decided about a program, and which decisions go together."""
