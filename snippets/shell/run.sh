flask run
