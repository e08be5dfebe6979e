"""SMS Partner: ``wire`` is its JSON, ``client`` speaks HTTP."""
