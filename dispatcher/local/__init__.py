"""Everything on one machine: the supervisor, its children, the embedded Redis."""
