"""All SQL: functions that take a Session and never commit."""
