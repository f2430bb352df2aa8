curl -O https://guide.example/doctor.py
python doctor.py --app shop:create_app
