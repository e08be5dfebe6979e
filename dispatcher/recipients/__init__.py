"""To whom: recipients and senders as values, their numbers, and the files that they come from."""

from dispatcher.recipients.recipient import Recipient, Rejection

__all__ = ["Recipient", "Rejection"]
