"""Pages of bounties: what each asks and what came of it, live while hunters work, and what their owners do."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from markupsafe import Markup

from evenhand.server.pages import bounties_joining, bounties_sending
from evenhand.server.pages.bounties_shown import MOST_TOLD, Board, Boards
from evenhand.server.pages.bounties_words import answer, asked, plain_rules, remains
from evenhand.server.pages.places import of_bounty
from evenhand.server.pages.shell import HEADERS, House, back, page
from evenhand.server.pages.visitors import Visitor, sender, visitor
from evenhand.server.services import Services, services_of

SECONDS = 3  # between looks of those who watch a bounty that goes on


def add(routes: APIRouter, house: House) -> None:
    """The list, the page of a bounty with the part that changes, its end, and the form that hands in."""
    boards = Boards()

    @routes.get("/bounties")
    def list_(request: Request) -> Response:
        who = onlooker(house, request)
        services = services_of(request)
        found = sorted((_glance(services, name) for name in services.store.bounties()), key=_open_first)
        return page("bounties.html", who, bounties=found)

    @routes.get("/bounties/{name}")
    def bounty(request: Request, name: str) -> Response:
        who = onlooker(house, request)
        shown = _shown(boards, request, name, who)
        board = shown["board"]
        return page(
            "bounty.html", who, plain_rules=plain_rules(board.rules, board.contest.rows), asked=asked(board.rules),
            about=[line for line in board.rules.about.splitlines() if line.strip()],
            address=str(request.base_url).rstrip("/"), **shown,
        )  # fmt: skip

    @routes.get("/bounties/{name}/live")
    def live(request: Request, name: str, seen: str = "") -> Response:
        who = onlooker(house, request)
        services = services_of(request)
        board = boards.board(services, name, owner=who.may("admin"))
        if seen == board.stamp:
            return Response(status_code=204, headers=HEADERS)
        return page("bounty_live.html", who, **_shown(boards, request, name, who))

    @routes.get("/bounties/{name}/end")
    def ending(request: Request, name: str) -> Response:
        who = visitor(house.access, request, "admin")
        return page("bounty_end.html", who, board=boards.board(services_of(request), name, owner=True))

    @routes.post("/bounties/{name}/end")
    def end(request: Request, name: str, token: Annotated[str, Form()] = "") -> Response:
        who = sender(house.access, request, "admin", token)
        services = services_of(request)
        services.store.end_bounty(services.bounties.rules(name).name)
        services.store.note(who.name, "ended a bounty", name)
        boards.forget(name)
        return back(of_bounty(name))

    bounties_sending.add(routes, house, boards)
    bounties_joining.add(routes, house)


def onlooker(house: House, request: Request) -> Visitor:
    """Who may see bounties; raises as `visitor` does."""
    return visitor(house.access, request, "read", "submit", "hunt")


def _shown(boards: Boards, request: Request, name: str, who: Visitor) -> dict[str, Any]:
    """What the page and its part that changes name."""
    services = services_of(request)
    board = boards.board(services, name, owner=who.may("admin"))
    team = services.store.team_of(name, who.key) if who.key is not None else None
    own = board.own(team.name) if team is not None else []
    return {
        "board": board,
        "rules": board.rules,
        "answer": answer(board.contest, board.rules.loss, over=board.over is not None),
        "remains": remains(board.contest, board.over),
        "team": team,
        "standing": board.standing(team.name) if team is not None else None,
        "own": own[:MOST_TOLD],
        "own_groups": services.bounties.scoreboard(name).groups(each.number for each in own[:MOST_TOLD]),
        "more_own": max(len(own) - MOST_TOLD, 0),
        "going": board.over is None or board.contest.left.waiting > 0,
        "seconds": SECONDS,
        "shared": boards.shared(board, "bounty_shared.html"),
        "owners": _owners(boards, board),
        "hands_out": _hands_out(services, name),
    }


def _owners(boards: Boards, board: Board) -> Markup | None:
    """What the owner alone sees."""
    return boards.shared(board, "bounty_owner.html") if board.owner else None


def _hands_out(services: Services, name: str) -> list[str]:
    """The files that hunters download."""
    from evenhand.bounty.proving.holdout import HIDDEN, PUBLIC

    folder = services.bounties.folder(name)
    return [which for which, file in (("public", PUBLIC), ("hidden", HIDDEN)) if (folder / file).is_file()]


def _glance(services: Services, name: str) -> dict[str, Any]:
    """A bounty in the list."""
    rules, standing = services.bounties.rules(name), services.bounties.standing(name)
    opened, ended = services.store.bounty_times(name)
    return {
        "rules": rules, "asked": asked(rules), "opened": opened, "ended": ended, "over": services.bounties.over(name),
        "finds": standing.accepted, "scored": standing.scored, "waiting": len(standing.waiting),
        "teams": len(services.store.teams(name)),
    }  # fmt: skip


def _open_first(glance: dict[str, Any]) -> tuple[bool, float]:
    """Those that go on before those that are over, the newest first."""
    opened: datetime = glance["opened"]
    return glance["over"] is not None, -opened.astimezone(UTC).timestamp()
