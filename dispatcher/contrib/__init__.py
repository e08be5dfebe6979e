"""The dispatcher at home in web frameworks; nothing in the library imports them."""
