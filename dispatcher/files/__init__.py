"""Recipients from files, and the rows refused on the way back into one."""

from dispatcher.files.reader import RecipientFile, open_recipients
from dispatcher.files.rejects import RejectsWriter
from dispatcher.files.table import PrivateTable, private

__all__ = ["PrivateTable", "RecipientFile", "RejectsWriter", "open_recipients", "private"]
