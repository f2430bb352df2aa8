"""Workarounds as they were published, quoted to be examined. Do not use them."""
