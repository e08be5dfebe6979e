"""Measures the dispatcher beside other designs that do the same work against the same gateway.

``make bench`` runs it; ``docs/performance.md`` shows what it found and says how to read it.
``python -m benchmarks.phones`` measures one part by itself.
"""
