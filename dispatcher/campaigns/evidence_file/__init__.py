"""The evidence of a campaign as one signed file: how it is written, and how it is verified. Pure.

docs/evidence.md describes the format.
"""
