"""Pages: what people see of the server; they work without script and load nothing from elsewhere."""

from fastapi import APIRouter, Request, Response

from evenhand.core.store import Store
from evenhand.server.pages import alerts, bounties, entry, errors, jobs, monitors, overview, reports, settings, windows
from evenhand.server.pages.shell import HEADERS, House, PageRoute, static
from evenhand.server.pages.visitors import Access


def router(store: Store, access: Access) -> APIRouter:
    """All pages and the two files they load; every one of them asks `access` who is there."""
    house = House(store, access)
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    for family in (overview, monitors, windows, reports, bounties, alerts, jobs, settings, entry):
        family.add(routes, house)

    @routes.get("/static/{name}")
    def file(request: Request, name: str) -> Response:
        data, digest, kind = static(name)
        named = request.query_params.get("v", "") == digest[:12]
        cache = "public, max-age=31536000, immutable" if named else "no-cache"
        return Response(data, media_type=kind, headers=HEADERS | {"Cache-Control": cache})

    routes.add_api_route("/{path:path}", errors.nowhere, route_class_override=errors.Elsewhere)
    return routes
