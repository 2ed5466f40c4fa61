"""Connections: credentials of providers' accounts, kept safe and alive, and calls made with them."""
