"""The connector kit: what an integration is, as data and as code. Imports nothing of the hub and could ship alone."""
