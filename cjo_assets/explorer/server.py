"""Server of the explorer: a socket on the loopback interface, an address with a token, and a browser."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.explorer.app import make_app
from cjo_assets.explorer.guard import TOKEN

HOST = "127.0.0.1"


def serve(
    settings: Settings, port: int, say: Callable[[str], None], *, allows_decisions: bool, opens_browser: bool
) -> None:
    """Serve the explorer until it is interrupted.

    Args:
        settings: paths of the home.
        port: port on the loopback interface; 0 for any free one.
        say: receives the address.
        allows_decisions: whether approval requests can be answered.
        opens_browser: whether to open the address in the browser of the machine.

    Raises:
        WarehouseError: there is no published database, or the port is in use.
    """
    if not settings.published.exists():
        raise WarehouseError(f"No published database at {settings.published}. Create it with `cjo run`.")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise WarehouseError(f"Port {port} of {HOST} is not available: {error.strerror}. Use --port.") from error
        listener.listen()
        bound, token = listener.getsockname()[1], secrets.token_urlsafe()
        app = make_app(settings, token, f"cjo_explore_{bound}", allows_decisions=allows_decisions)
        config = uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            ws="none",
        )
        address = f"http://{HOST}:{bound}/?{TOKEN}={token}"
        say(address)
        if opens_browser:
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[listener])
