"""What measures the guide and what publishes it."""
