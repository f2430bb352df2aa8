"""Servers of production, and clients that always overlap."""
