"""Programs of others that read a source: Singer taps and Airbyte's declarative connectors, run apart."""
