"""Files of recipients, and files of the rejected rows."""

from dispatcher.recipients.files.new_file import NewFile
from dispatcher.recipients.files.private_csv import PrivateTable
from dispatcher.recipients.files.reader import open_recipients
from dispatcher.recipients.files.recipient_file import RecipientFile
from dispatcher.recipients.files.rejects import RejectsWriter

__all__ = ["NewFile", "PrivateTable", "RecipientFile", "RejectsWriter", "open_recipients"]
