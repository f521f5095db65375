"""The explorer as an ASGI application: routes and errors. Requests are read here, pages are built elsewhere."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.family import registered_families
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.explorer import decisions, overview, tables
from cjo_assets.explorer.database import Reader, reading
from cjo_assets.explorer.guard import Guard, is_same
from cjo_assets.explorer.links import APPROVALS, EMPTY, FIND, LISTING, SUBJECT, TABLE, TABLES, Links, with_parameters
from cjo_assets.explorer.listings import available, found, list_page, listings
from cjo_assets.explorer.paging import Paging
from cjo_assets.explorer.rendering import rendered, style
from cjo_assets.explorer.subjects import subject_page, subjects
from cjo_assets.policy import PolicyError
from cjo_assets.reporting.naming import labelled_by

HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 64_000
OK, FOUND, REFUSED, MISSING, CONFLICT, TOO_LARGE, UNAVAILABLE = 200, 303, 403, 404, 409, 413, 503


@dataclass(frozen=True)
class Explorer:
    """What the requests of one process share.

    Attributes:
        settings: paths of the home.
        allows_decisions: whether approval requests can be answered.
        form_token: secret of the forms of this process, which pages of other origins cannot read.
    """

    settings: Settings
    allows_decisions: bool
    form_token: str

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Open the published database for one request, and use the labels of the policy of the home.

        Raises:
            PolicyError: the policy cannot be used.
            WarehouseError: there is no published database, or it has tables of another version.
        """
        with labelled_by(decisions.policy_of(self.settings).labels), reading(self.settings.published) as reader:
            yield reader

    def page(self, request: Request, template: str, reader: Reader, *, status: int = OK, **content: Any) -> Response:
        """Return a page with its menu and the days that it shows."""
        days = content.pop("days", None) or reader.days()
        return HTMLResponse(
            rendered(
                template,
                menu=available(reader.days()),
                path=_path(request),
                days=days,
                last_run=reader.last_run(),
                links=Links(known_tables(), subjects(), days),
                text=request.query_params.get("q", ""),
                **content,
            ),
            status,
        )


@functools.cache
def known_tables() -> dict[str, Table]:
    """Return the tables of all families by full name."""
    return {table.full_name: table for family in registered_families() for table in family.tables}


def make_app(settings: Settings, token: str, cookie: str, *, allows_decisions: bool = False) -> Starlette:
    """Return the application.

    Args:
        settings: paths of the home.
        token: secret that the first request of a browser must have.
        cookie: name of the cookie; cookies of a host are shared by its ports.
        allows_decisions: whether approval requests can be answered.
    """
    explorer = Explorer(settings, allows_decisions, secrets.token_urlsafe())
    app = Starlette(
        routes=[
            Route("/", show_overview),
            Route("/style.css", show_style),
            Route(FIND, show_found),
            Route(f"{LISTING}/{{name}}", show_listing),
            Route(f"{SUBJECT}/{{subject}}/{{subject_id:path}}", show_subject),
            Route(TABLES, show_tables),
            Route(f"{TABLE}/{{name}}", show_table),
            Route(f"{TABLE}/{{name}}/csv", download_table),
            Route(APPROVALS, show_approvals),
            Route(APPROVALS, record_answer, methods=["POST"]),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(Guard, token=token, cookie=cookie),
        ],
        exception_handlers={
            HTTPException: _http_error,
            PolicyError: _unavailable,
            WarehouseError: _unavailable,
        },
    )
    app.state.explorer = explorer
    return app


def show_overview(request: Request) -> Response:
    """Show the days, the lists with the rows behind each value, and the number of pending requests."""
    explorer = _explorer(request)
    with explorer.reading() as reader:
        content = overview.overview(explorer.settings, reader)
        return explorer.page(request, "overview.html", reader, overview=content)


def show_style(request: Request) -> Response:
    """Return the style sheet."""
    del request
    return Response(style(), media_type="text/css")


def show_found(request: Request) -> Response:
    """Show the subjects in which a text is found, or the page of the only one."""
    explorer, text = _explorer(request), request.query_params.get("q", "").strip()
    with explorer.reading() as reader:
        hits = found(reader, text) if text else []
        addresses = {address for _, _, rows in hits for address in rows if address}
        if len(addresses) == 1:
            return RedirectResponse(addresses.pop(), FOUND)
        return explorer.page(request, "found.html", reader, hits=hits)


def show_listing(request: Request) -> Response:
    """Show a page of a list."""
    explorer, name = _explorer(request), request.path_params["name"]
    with explorer.reading() as reader:
        if name not in {listing.name for listing in available(reader.days())}:
            raise HTTPException(MISSING, f"No list {name} is published." if name in listings() else "Unknown list.")
        parameters = dict(request.query_params)
        page = list_page(explorer.settings.published, reader, name, parameters)
        return explorer.page(request, "listing.html", reader, page=page, other_page=_other_page(request))


def show_subject(request: Request) -> Response:
    """Show the page on a subject, on the last published day of each family up to a given one."""
    explorer, given = _explorer(request), request.path_params
    with explorer.reading() as reader:
        chosen = _day(request.query_params.get("day"))
        days = reader.days(chosen)
        page = subject_page(explorer.settings, reader, given["subject"], given["subject_id"], days)
        if page is None:
            raise HTTPException(MISSING, f"The published days contain no {given['subject']} {given['subject_id']}.")
        published = reader.published_days()
        return explorer.page(request, "subject.html", reader, page=page, days=days, published=published, chosen=chosen)


def show_tables(request: Request) -> Response:
    """Show the published tables by schema, those that contain a text in name or description if one is given."""
    explorer = _explorer(request)
    with explorer.reading() as reader:
        text = request.query_params.get("q", "").strip()
        return explorer.page(request, "tables.html", reader, tables=tables.tables_containing(reader, text))


def show_table(request: Request) -> Response:
    """Show a page of the rows of a table; a new test of a column leads to the address that contains it."""
    explorer, parameters = _explorer(request), request.query_params
    if parameters.get("column") and parameters.get("test") in tables.WORDS_OF_TESTS:
        kept = [(key, value) for key, value in parameters.multi_items() if key not in ("column", "test", "value")]
        test = f"{parameters['test']}.{parameters['column']}"
        value = "1" if parameters["test"] == EMPTY else parameters.get("value", "")
        address = with_parameters(_path(request), kept, page=None, **{test: value})
        return RedirectResponse(address, FOUND)
    with explorer.reading() as reader:
        asked = _table_request(request, reader)
        rows, counted = tables.rows_of_page(reader, asked)
        return explorer.page(
            request,
            "table.html",
            reader,
            table=counted,
            rows=tables.shown_rows(rows, counted, subjects()),
            tests=tables.WORDS_OF_TESTS,
            given=parameters.multi_items(),
            other_page=_other_page(request),
            changed=functools.partial(with_parameters, _path(request), parameters.multi_items()),
            csv=with_parameters(f"{_path(request)}/csv", parameters.multi_items(), page=None),
        )


def download_table(request: Request) -> Response:
    """Return the rows of a table as CSV, in parts."""
    explorer = _explorer(request)
    with explorer.reading() as reader:
        asked = _table_request(request, reader)
    headers = {"Content-Disposition": f'attachment; filename="{asked.name}.csv"'}
    parts = tables.csv_of(explorer.settings.published, asked)
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=headers)


def show_approvals(request: Request) -> Response:
    """Show the pending requests."""
    return _approvals_page(request, OK, request.query_params.get("recorded", ""), "")


async def record_answer(request: Request) -> Response:
    """Record the answer of a form to a request."""
    form = dict(parse_qsl((await _body(request)).decode(errors="replace"), max_num_fields=20))
    return await run_in_threadpool(_recorded, request, form)


def _recorded(request: Request, form: Mapping[str, str]) -> Response:
    explorer = _explorer(request)
    if not explorer.allows_decisions:
        raise HTTPException(REFUSED, "Answers are disabled. Start the explorer with --allow-decisions.")
    if not is_same(form.get("form_token"), explorer.form_token) or not _is_own_origin(request):
        raise HTTPException(REFUSED, "The form is not of this process. Reload the page.")
    try:
        message = decisions.record(explorer.settings, decisions.policy_of(explorer.settings), form)
    except RefusalError as refusal:
        return _approvals_page(request, CONFLICT, "", str(refusal))
    return RedirectResponse(with_parameters(APPROVALS, (), recorded=message), FOUND)


def _approvals_page(request: Request, status: int, recorded: str, refused: str) -> Response:
    explorer = _explorer(request)
    policy = decisions.policy_of(explorer.settings)
    pending, paging = decisions.pending_requests(explorer.settings, policy, Paging.of(request.query_params))
    with explorer.reading() as reader:
        return explorer.page(
            request,
            "approvals.html",
            reader,
            status=status,
            pending=pending,
            paging=paging,
            other_page=lambda number: with_parameters(APPROVALS, (), page=str(number)),
            categories=decisions.categories_of(policy),
            explorer=explorer,
            recorded=recorded,
            refused=refused,
        )


def _table_request(request: Request, reader: Reader) -> tables.TableRequest:
    name = request.path_params["name"]
    asked = tables.requested(reader, name, known_tables().get(name), request.query_params.multi_items())
    if asked is None:
        raise HTTPException(MISSING, f"The table {name} is not published.")
    return asked


def _explorer(request: Request) -> Explorer:
    explorer: Explorer = request.app.state.explorer
    return explorer


def _other_page(request: Request) -> Any:
    """Return a function from the number of a page to its address with the parameters of this one."""
    return lambda number: with_parameters(_path(request), request.query_params.multi_items(), page=str(number))


def _path(request: Request) -> str:
    return quote(request.scope["path"])


def _day(text: str | None) -> date | None:
    """Return the day of an address; None for the newest."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HTTPException(MISSING, f"{text} is not a date of the form YYYY-MM-DD.") from error


def _is_own_origin(request: Request) -> bool:
    """Return whether a form was sent by a page of this address; a browser always names the page's origin."""
    origin = request.headers.get("origin")
    return origin in (None, f"{request.url.scheme}://{request.headers['host']}")


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise HTTPException(TOO_LARGE, "The form is too large.")
        parts.append(part)
    return b"".join(parts)


def _http_error(request: Request, error: Exception) -> Response:
    del request
    status = error.status_code if isinstance(error, HTTPException) else UNAVAILABLE
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    return HTMLResponse(rendered("message.html", message=detail), status)


def _unavailable(request: Request, error: Exception) -> Response:
    del request
    return HTMLResponse(rendered("message.html", message=str(error)), UNAVAILABLE)
