"""What workloads that compute each row on its own share."""
