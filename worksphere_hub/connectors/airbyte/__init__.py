"""Declarative connectors of Airbyte."""
