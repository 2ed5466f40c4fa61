"""Facts published for an organization: what one looks like, and how one is accepted for good."""
