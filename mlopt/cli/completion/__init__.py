"""`mlopt completion SHELL`: what a shell needs to complete commands, groups, options and keys."""
