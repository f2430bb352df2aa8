export DATABASE_URL=postgresql+psycopg://user@/database
export TRUSTED_HOSTS=admin.example.com
flask db upgrade
gunicorn "app:create_app()"
