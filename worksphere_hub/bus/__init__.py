"""The doorbell. What goes over it may be lost at any time without loss of work."""
