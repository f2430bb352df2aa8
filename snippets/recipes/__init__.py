"""One recipe per module."""
