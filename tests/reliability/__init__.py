"""The proof under load, on PostgreSQL, with faults and bad input.

A run is held against data/results/reliability.json; ``--record-reliability`` writes it.
"""
