export SECRET_KEY=$(python -c "import secrets; print(secrets.token_hex())")
export DATABASE_URL=sqlite:///admin.db
export TRUSTED_HOSTS=admin.example.com
flask create-account ada
gunicorn "app:create_app()"
