"""A published database in memory, and clients of the explorer."""

from __future__ import annotations

import warnings

import duckdb

from cjo_assets.core.settings import Settings
from cjo_assets.explorer.app import make_app
from cjo_assets.explorer.database import Reader

with warnings.catch_warnings():
    # Starlette prefers another client, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ADDRESS, SECRET = "http://127.0.0.1:8050", "a-secret"


def published_in_memory(*statements: str) -> Reader:
    """Return a database that has the name of a published one, after statements."""
    connection = duckdb.connect()
    for statement in ("ATTACH ':memory:' AS published", *statements, "USE published"):
        connection.execute(statement)
    return Reader(connection)


def client_of(settings: Settings, *, allows_decisions: bool = False) -> TestClient:
    """Return a client with the cookie of the explorer on a home."""
    app = make_app(settings, SECRET, "cookie", allows_decisions=allows_decisions)
    client = TestClient(app, base_url=ADDRESS)
    client.cookies.set("cookie", SECRET)
    return client
