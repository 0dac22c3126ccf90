"""What a payload computes: its loop nests, simplified, and the products among them."""
