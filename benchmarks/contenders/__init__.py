"""Those who send the same people the same texts over as many connections, each in its own way.

``loop`` is the limit; ``ours`` is the dispatcher; the others are what people usually build.
"""
