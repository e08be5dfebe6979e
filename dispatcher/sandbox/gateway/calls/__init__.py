"""The calls of the fake gateway, a file for each group."""
