"""The connect page: where a host product's customer, who has no key, connects an account."""
