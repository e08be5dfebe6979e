"""Everything needed to run without an account or a server.

``gateway`` is the fake SMS Partner, ``redis`` a real Redis, ``demo`` a campaign through both.
"""
