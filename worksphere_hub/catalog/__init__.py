"""The catalogue: integrations, the marketplace and its reviews, and what organizations have installed."""
