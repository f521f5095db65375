"""Access to the explorer: a token in the first address, a cookie afterwards, and headers that confine the pages."""

from __future__ import annotations

import hmac
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cjo_assets.explorer.links import with_parameters

TOKEN = "token"
REFUSED = "Open the address that `cjo explore` printed: it contains the token.\n"
# No script at all; pictures are part of the page.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def is_same(given: str | None, expected: str) -> bool:
    """Return whether a secret is the expected one, in a time that does not depend on the answer."""
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())


class Guard:
    """Middleware that passes on requests with the cookie, and gives the cookie to a request with the token."""

    def __init__(self, app: ASGIApp, token: str, cookie: str) -> None:
        """Take the application, the token, and the name of the cookie."""
        self.app, self.token, self.cookie = app, token, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)

        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._answer(request)
        await (answer or self.app)(scope, receive, confined)

    def _answer(self, request: Request) -> Response | None:
        """Return the answer to a request that the application does not get."""
        given = request.query_params.get(TOKEN)
        if given is not None and request.method == "GET" and is_same(given, self.token):
            others = [pair for pair in request.query_params.multi_items() if pair[0] != TOKEN]
            origin = f"{request.url.scheme}://{request.headers['host']}"
            answer = RedirectResponse(with_parameters(f"{origin}{quote(request.scope['path'])}", others), 303)
            answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
            return answer
        if is_same(request.cookies.get(self.cookie), self.token):
            return None
        return PlainTextResponse(REFUSED, 403)
