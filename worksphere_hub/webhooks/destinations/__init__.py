"""Where messages go that are not sent to an address of one's own: queues, topics, streams and buckets."""
