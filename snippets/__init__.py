"""The programs that the guide prints.

Each module is complete: import it, test it, or run it with ``flask --app``.
"""
