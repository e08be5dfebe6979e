"""One bounded HTTP connection; it knows no gateway."""
