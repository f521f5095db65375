"""nginx with the shipped `deploy/nginx.conf` in front of two servers on loopback."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cjo_assets.core.settings import PROJECT

OPERATOR, ANALYST = ("olga", "first"), ("anna", "second")
PATIENCE_SECONDS = 20
UPSTREAMS = ("127.0.0.1:3000", "127.0.0.1:3001")
MAIN = """
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/deploy.conf;
}}
"""


@contextmanager
def nginx_before(folder: Path, upstreams: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Run nginx with the shipped file; only its ports, certificate and password files are those of the test.

    Args:
        folder: folder for the files of nginx.
        upstreams: ports of the server of operators and of the read-only server.

    Yields:
        The ports of the proxy for each of them.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or shutil.which("openssl") is None:
        pytest.skip("test of the proxy left out: nginx or openssl is not installed")
    certificate = [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-subj",
        "/CN=cjo.example.com",
    ]
    keys = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(["openssl", *certificate, *keys], check=True, capture_output=True)
    for name, (user, password) in (("operators", OPERATOR), ("analysts", ANALYST)):
        (folder / f"cjo-{name}.htpasswd").write_text(f"{user}:{{PLAIN}}{password}\n", encoding="utf-8")
    ports = free_port(), free_port()
    shipped = (PROJECT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(r"/etc/(ssl/cjo|nginx)/", f"{folder}/", shipped)
    for port, server, upstream in zip(ports, upstreams, UPSTREAMS, strict=True):
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;", 1)
        text = text.replace(upstream, f"127.0.0.1:{server}")
    (folder / "deploy.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder), encoding="utf-8")
    running = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(ports[1], running)
        yield ports
    finally:
        running.terminate()
        running.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until a server accepts connections."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and running.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("nginx does not answer with the shipped file")
