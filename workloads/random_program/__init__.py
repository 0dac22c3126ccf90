"""Random programs, such as a policy is trained on."""
