"""What workloads that compute each element on its own share."""
