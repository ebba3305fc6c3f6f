"""A report as a page of its own: the same file that `evenhand audit` writes, under the policy it carries itself."""

import re

from fastapi import Response
from fastapi.responses import HTMLResponse

from evenhand.core.report import Report
from evenhand.renderers import html
from evenhand.server.pages.shell import HEADERS, POLICY

_OWN = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def alone(report: Report, *, against: Report | None = None) -> Response:
    """The page of the existing renderer; its style and script are allowed by their hashes and nothing else is."""
    text = html.render(report, against=against)
    # The head comes before anything that is data.
    found = _OWN.search(text[:2000])
    policy = f"{found[1]}; frame-ancestors 'none'" if found is not None else POLICY
    return HTMLResponse(text, headers=HEADERS | {"Content-Security-Policy": policy})
