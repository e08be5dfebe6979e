"""The contenders: each sends the same texts to the same people over as many connections.

``loop`` is the limit; ``ours`` is the dispatcher; the others are what people usually build.
"""
