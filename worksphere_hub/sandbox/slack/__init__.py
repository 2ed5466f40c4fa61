"""Slack: the Web API, OAuth v2 with token rotation, and the Events API."""
