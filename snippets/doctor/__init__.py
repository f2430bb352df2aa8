"""Applications with one fault each, for the page of what the doctor finds."""
