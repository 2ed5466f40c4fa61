"""What providers send in: verified by their own scheme, stored once, answered at once, then turned into events."""
