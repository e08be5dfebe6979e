"""SMS Partner's words, both ways: plain values to bodies, answers to plain values. Pure.

The gateway spells the same thing in many ways (``messageId``/``message_id``, ``stopSms``/
``stopSMS``, ``error``/``errors``, numbers as strings): all of that ends here.
"""
