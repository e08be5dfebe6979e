"""The life of a batch in rows."""
