"""Element-wise sum: z = x + y."""
