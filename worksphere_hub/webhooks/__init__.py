"""The delivery engine: endpoints, and getting each event to every one that wants it."""
