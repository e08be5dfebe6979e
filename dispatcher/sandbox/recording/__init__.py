"""Transcripts: the shapes of a gateway's answers to a script of calls, without personal data.

A transcript of the real gateway's sandbox mode shows where its documentation, and so the fake
gateway, is wrong. ``recorder`` makes one, ``comparison`` compares the fake gateway with it.
"""
