"""Zoom: users, meetings, cloud recordings, user OAuth and server-to-server, webhooks."""
