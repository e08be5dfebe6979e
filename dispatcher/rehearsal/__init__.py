"""A rehearsal: a whole campaign on a database, a gateway and a clock of its own, in seconds."""

from dispatcher.rehearsal.comparison import Difference
from dispatcher.rehearsal.faults import FAULTS, Fault
from dispatcher.rehearsal.rehearsal import Day, Rehearsal
from dispatcher.rehearsal.stage import rehearse

__all__ = ["FAULTS", "Day", "Difference", "Fault", "Rehearsal", "rehearse"]
