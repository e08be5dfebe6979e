"""The permissions; the tables are made by the dispatcher itself after each ``migrate``."""
