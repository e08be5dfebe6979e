"""What operators and machines ask: is it alive, does it make progress, what is wrong."""
