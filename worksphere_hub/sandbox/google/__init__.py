"""Google Drive: files, shared drives, the change feed, watch channels, resumable uploads, OAuth as Google does it."""
