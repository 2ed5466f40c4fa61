"""What the hub says about itself: one wide log line per unit of work, and one registry of metrics."""
