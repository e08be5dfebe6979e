"""The processes: Celery app, beat schedule, tasks of one line each. No decision in here."""
