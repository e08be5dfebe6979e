"""Probes, metrics and the doctor, for operators and for monitoring systems."""
