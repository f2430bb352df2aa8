"""Minimal reproductions of faults in the newest releases, ready to send."""
