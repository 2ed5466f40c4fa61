"""WorkSphere Hub: a self-hosted integration hub that needs only PostgreSQL."""

__version__ = "0.1.0"
