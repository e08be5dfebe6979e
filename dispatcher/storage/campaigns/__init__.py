"""Campaigns in rows: stored, moved, summed, shown."""
