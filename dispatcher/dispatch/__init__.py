"""The steps that workers take: the only room where a transaction and a request meet."""
