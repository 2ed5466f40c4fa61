"""Queues that messages are fetched from, where their sender cannot post or must not be told an address."""
