"""SMS Partner, usable alone: ``client.SmsPartner`` makes calls, ``wire`` knows their shapes.

``inbound`` reads what the gateway posts to us.
"""
