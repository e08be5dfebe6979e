"""The calls of the gateway in groups, each a view of one ``Transport``."""
