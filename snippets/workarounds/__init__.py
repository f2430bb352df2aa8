"""One corrected approach per module."""
