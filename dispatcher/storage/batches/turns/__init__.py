"""Turns: outcomes of some batches and the arming of others, in one transaction."""
