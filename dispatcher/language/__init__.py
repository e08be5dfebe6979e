"""The reader's language: sentences of the library, numbers, dates and euros. Pure.

Rows and errors hold English sentences. ``Language.say`` translates one by its pattern, so that a
sentence which was stored years ago, or was made by any room, needs no code of its own. Code that
makes a sentence for a reader uses ``Language.text`` with the same catalogue.
"""

from dispatcher.language.language import (
    ENGLISH,
    FRENCH,
    LANGUAGES,
    Language,
    chosen,
    of_environment,
)

__all__ = ["ENGLISH", "FRENCH", "LANGUAGES", "Language", "chosen", "of_environment"]
