"""A real nginx with TLS in front of a gunicorn that a test has started."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from contextlib import contextmanager
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from bs4 import BeautifulSoup

HOST = "admin.example.com"
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
# What the distribution's own nginx.conf does around a site, without its folders.
MAIN = """{user}
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def missing():
    """Why there is no nginx to test with, in one sentence, or ''."""
    for program in "nginx", "openssl":
        if not shutil.which(program, path=PLACES):
            return f"{program} is not installed."
    return ""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Client:
    """A browser as far as a test needs one: it keeps cookies and sends tokens.

    :param ports: where the site listens, by scheme.
    :param address: the address that the client has.
    """

    def __init__(self, ports, address="127.0.0.1", trust=None, host=HOST):
        self.ports, self.address, self.host = ports, address, host
        self.context = ssl.create_default_context(cafile=trust)
        self.cookies, self.set = {}, []

    def connect(self, scheme="https"):
        """A connection for requests that are sent by hand."""
        place = "127.0.0.1", self.ports[scheme]
        found = socket.create_connection(place, 60, (self.address, 0))
        if scheme == "https":
            found = self.context.wrap_socket(found, server_hostname=self.host)
        return found

    def request(self, method, path, body=None, scheme="https", **headers):
        """Send a request; return the answer and its text."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers = {"Host": self.host, "Connection": "close"} | headers
        if isinstance(body, dict):
            body = urlencode(body, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            pairs = [f"{name}={value}" for name, value in self.cookies.items()]
            headers["Cookie"] = "; ".join(pairs)
        connection = HTTPConnection(self.host)
        connection.sock = self.connect(scheme)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        self.set = answer.headers.get_all("Set-Cookie") or []
        for each in self.set:
            for name, morsel in SimpleCookie(each).items():
                self.cookies[name] = morsel.value
        return answer, answer.read().decode()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def token(self, path, **headers):
        page = BeautifulSoup(self.get(path, **headers)[1], "html.parser")
        return page.select_one("[name=csrf_token]")["value"]

    def submit(self, path, form=None, **data):
        """Post data with the token of a page; return the answer and its text."""
        data = {"csrf_token": self.token(form or path)} | data
        return self.request("POST", path, data)

    def log_in(self, name, password):
        return self.submit("/login", name=name, password=password)[0].status


class Site:
    """nginx and gunicorn: where they listen, and whom the clients have to trust."""

    def __init__(self, ports, certificate, gunicorn):
        self.ports, self.certificate, self.gunicorn = ports, certificate, gunicorn

    def client(self, address="127.0.0.1", host=HOST):
        return Client(self.ports, address, self.certificate, host)


def certify(folder, host):
    certificate, key = folder / "site.pem", folder / "site.key"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName=DNS:{host}"]
    command += ["-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@contextmanager
def serve(folder, configuration, server):
    """Start nginx with the configuration of a page, its ports and files replaced.

    :param configuration: the text of the file.
    :param server: the gunicorn behind it.
    """
    certificate, key = certify(folder, HOST)
    ports = {"http": free_port(), "https": free_port()}
    text = configuration
    for old, new in {
        r"listen 80\b": f"listen 127.0.0.1:{ports['http']}",
        r"listen 443\b": f"listen 127.0.0.1:{ports['https']}",
        r"127\.0\.0\.1:8000\b": f"127.0.0.1:{server.port}",
        r"/etc/ssl/certs/\S+(?=;)": str(certificate),
        r"/etc/ssl/private/\S+(?=;)": str(key),
    }.items():
        text = re.sub(old, new, text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "site.conf").write_text(text, "utf-8")
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder), "utf-8")
    command = [shutil.which("nginx", path=PLACES), "-p", folder]
    command += ["-c", folder / "nginx.conf", "-e", "stderr", "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "start worker process " in line:
                    break
            else:
                raise RuntimeError("".join(said))
            yield Site(ports, certificate, server)
        finally:
            process.terminate()
