"""Microsoft Teams: Graph with teams, channels, messages, chats, delta and subscriptions; Entra's tokens."""
