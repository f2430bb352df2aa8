pip install -r requirements.txt
pytest
export SECRET_KEY=$(python -c "import secrets; print(secrets.token_hex())")
export DATABASE_URL=sqlite:///starter.db
export TRUSTED_HOSTS=localhost
flask db upgrade
flask create-account ada North
flask run
