"""One application twice: over Flask-SQLAlchemy, and moved to Lite."""
