"""Any receiver, and any sender, of webhooks."""
