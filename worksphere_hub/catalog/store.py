"""Statements of this room."""

from worksphere_hub.db.queries import load_queries

QUERIES = load_queries(__file__)
