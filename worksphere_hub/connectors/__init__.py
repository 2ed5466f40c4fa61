"""The connectors that come along: a folder each, found by `sdk.registry` and imported by nobody else."""
