"""Local stand-ins for Slack, Google Drive, Salesforce, Microsoft Teams and Zoom, to develop and test against."""
