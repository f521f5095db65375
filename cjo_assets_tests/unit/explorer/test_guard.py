"""Tests of access: the token, the cookie, and the headers of every answer."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cjo_assets.explorer.guard import HEADERS, Guard
from cjo_assets_tests.support.explorer import TestClient

SECRET, COOKIE = "a-secret", "cjo_explore_1"


def echo(request: Request) -> Response:
    """Return the parameters of a request."""
    return PlainTextResponse(str(request.query_params))


@pytest.fixture
def client() -> TestClient:
    """Return a client of a guarded application, without a cookie."""
    app = Starlette(
        routes=[Route("/{path:path}", echo, methods=["GET", "POST"])],
        middleware=[Middleware(Guard, token=SECRET, cookie=COOKIE)],
    )
    return TestClient(app, base_url="http://127.0.0.1:1", follow_redirects=False)


@pytest.mark.parametrize("address", ["/", "/?token=", "/?token=a-secre", "/?token=a-secret2", "/?token=ä"])
def test_without_the_token_nothing_is_served(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    client.cookies.set(COOKIE, "wrong")
    assert client.get(address).status_code == 403


def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_cannot_use(client: TestClient) -> None:
    answer = client.get(f"/list/a?q=1&token={SECRET}&sort=b")
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:1/list/a?q=1&sort=b")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/list/a?q=1").text == "q=1"


def test_a_path_of_another_host_stays_on_this_one(client: TestClient) -> None:
    answer = client.get(f"http://127.0.0.1:1//elsewhere.example/?token={SECRET}")
    assert answer.headers["location"].startswith("http://127.0.0.1:1//")


def test_a_form_with_the_token_but_no_cookie_is_refused(client: TestClient) -> None:
    assert client.post(f"/approvals?token={SECRET}").status_code == 403


def test_every_answer_confines_its_page(client: TestClient) -> None:
    answers = [client.get("/"), client.get(f"/?token={SECRET}"), client.get("/")]
    assert [answer.status_code for answer in answers] == [403, 303, 200]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "script" not in answer.headers["content-security-policy"]
