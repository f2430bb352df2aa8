pip install flask-admin flask-sqlalchemy-lite flask-sqlalchemy
