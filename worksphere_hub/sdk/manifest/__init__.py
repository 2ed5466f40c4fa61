"""A manifest: everything the hub has to know of an integration, as data."""
