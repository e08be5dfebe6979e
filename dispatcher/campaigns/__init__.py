"""What is decided about a campaign, pure: no database, no socket, no broker."""
