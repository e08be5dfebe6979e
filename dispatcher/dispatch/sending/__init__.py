"""Sending one batch after another."""
