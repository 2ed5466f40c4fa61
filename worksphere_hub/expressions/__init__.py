"""The room of the one expression language: filters, payload shaping and field mapping, bounded and without effects."""
