"""A language model as a search: what it is asked, what it answers, what that costs, and who steps in for it."""
