"""Who may do what: organizations, people, roles, keys, sessions, and the record of what they did."""
