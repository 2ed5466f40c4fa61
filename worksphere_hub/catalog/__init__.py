"""Integrations, their marketplace, and what organizations have installed."""
