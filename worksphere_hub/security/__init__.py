"""The room that keeps secrets, proves identities and guards everything that leaves the hub."""
