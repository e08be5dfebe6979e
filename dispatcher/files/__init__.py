"""Recipients from files, and the rows refused on the way back into one."""

from dispatcher.files.reader import RecipientFile, open_recipients
from dispatcher.files.rejects import RejectsWriter

__all__ = ["RecipientFile", "RejectsWriter", "open_recipients"]
