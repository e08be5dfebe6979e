"""The section of the admin."""
