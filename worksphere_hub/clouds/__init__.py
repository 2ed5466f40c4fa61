"""How Amazon, Google and Azure are shown who one is, and what they say no with."""
