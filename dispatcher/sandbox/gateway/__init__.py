"""The fake SMS Partner: ``process.Sandbox`` runs it, ``routes.Gateway`` is it."""
