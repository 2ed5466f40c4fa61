"""How each provider proves that a request is its own. All PURE: raw bytes in, a verdict out."""
