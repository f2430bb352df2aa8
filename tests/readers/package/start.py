from blog import app
