"""The HTTP door: the app factory, problem answers, limits, headers, paging, idempotency, health."""
