"""Everything needed to run without an account or a server: a fake SMS Partner, a real Redis."""
