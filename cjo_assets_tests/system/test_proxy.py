"""The proxy of `deploy/nginx.conf` in front of two servers: who is let through, and who is not."""

import base64
import http.client
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets_tests.support.proxy import ANALYST, OPERATOR, PATIENCE_SECONDS, nginx_before


@dataclass
class Behind:
    """A server behind the proxy, which records the requests that reach it."""

    reached: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen on a free port of loopback."""
        reached = self.reached

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reached.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclass(frozen=True)
class Proxy:
    """The running proxy: ports of its two servers, and what is behind each."""

    ports: tuple[int, int]
    behind: tuple[Behind, Behind]

    def ask(self, place: int, method: str, who: tuple[str, str] | None, **headers: str) -> int:
        """Send a request to the first or second server, and return the status of its answer."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.ports[place], timeout=PATIENCE_SECONDS, context=ssl._create_unverified_context()
        )
        if who:
            headers["Authorization"] = f"Basic {base64.b64encode(':'.join(who).encode()).decode()}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/graphql", body=b"{}" if method == "POST" else None, headers=named)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run nginx in front of two servers that record what reaches them."""
    behind = (Behind(), Behind())
    upstreams = (behind[0].server.server_port, behind[1].server.server_port)
    with nginx_before(tmp_path_factory.mktemp("proxy"), upstreams) as ports:
        yield Proxy(ports, behind)
    for one in behind:
        one.server.shutdown()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("who", [None, ("olga", "wrong"), ("", "")])
def test_without_a_password_nothing_reaches_dagster(
    proxy: Proxy, method: str, place: int, who: tuple[str, str] | None
) -> None:
    before = [list(one.reached) for one in proxy.behind]
    assert proxy.ask(place, method, who) == 401
    assert [one.reached for one in proxy.behind] == before


def test_each_password_opens_its_own_server_only(proxy: Proxy) -> None:
    before = [len(one.reached) for one in proxy.behind]
    found = [proxy.ask(place, "POST", who) for place in (0, 1) for who in (OPERATOR, ANALYST)]
    assert found == [200, 401, 401, 200]
    assert [len(one.reached) for one in proxy.behind] == [before[0] + 1, before[1] + 1]


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200)])
def test_a_page_of_another_site_launches_nothing(proxy: Proxy, site: str, status: int) -> None:
    before = len(proxy.behind[0].reached)
    assert [proxy.ask(0, method, OPERATOR, Sec_Fetch_Site=site) for method in ("GET", "POST")] == [status, status]
    assert len(proxy.behind[0].reached) - before == (2 if status == 200 else 0)


def test_passwords_are_never_taken_without_tls(proxy: Proxy) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", proxy.ports[0], timeout=PATIENCE_SECONDS)
    plain.request("GET", "/")
    assert plain.getresponse().status == 400
    plain.close()


def test_servers_behind_the_proxy_listen_on_loopback_only() -> None:
    units = sorted((PROJECT / "deploy" / "systemd").glob("cjo-webserver*.service"))
    assert len(units) == 2
    assert not [unit.name for unit in units if "--host" in unit.read_text(encoding="utf-8")], "loopback is the default"
