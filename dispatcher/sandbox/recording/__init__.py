"""What a gateway answers to a script of calls, written down without anybody's data.

A transcript of the real gateway's sandbox mode shows where its documentation, and so the fake
gateway, is wrong: ``recorder`` makes one, ``comparison`` holds the fake gateway against it.
"""
