"""Files of recipients, and files of the rejected rows."""

from dispatcher.recipients.files.private_csv import PrivateTable, private
from dispatcher.recipients.files.reader import RecipientFile, open_recipients
from dispatcher.recipients.files.rejects import RejectsWriter

__all__ = ["PrivateTable", "RecipientFile", "RejectsWriter", "open_recipients", "private"]
