"""The report inside its own page: JSON that a browser leaves alone and that reads back as an equal report."""

import base64
import json
import re
import zlib

from evenhand.core.errors import UnreadableSource
from evenhand.core.finding import Fact
from evenhand.core.report import Report

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_BLOCK = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)
_PACKED = "zlib+base64"
_MOST = 1 << 30  # bytes that a packed report may unfold to


def plain(report: Fact) -> str:
    """What a page is about, such as a report, without its defaults, as JSON that cannot end its own element."""
    return report.model_dump_json(exclude_defaults=True).translate(_ESCAPES)


def packed(report: Report) -> str:
    """The same, compressed; about a fifth of the length."""
    text = report.model_dump_json(exclude_defaults=True).encode()
    data = base64.b64encode(zlib.compress(text, 9)).decode()
    return json.dumps({"encoding": _PACKED, "report": data})


def report_in(page: str) -> Report:
    """The report that an HTML page of evenhand holds; raises UnreadableSource."""
    block = _BLOCK.search(page)
    if block is None:
        raise UnreadableSource("This page holds no report of evenhand.")
    text = block[1]
    return Report.from_json(_unpacked(text) if text.startswith('{"encoding"') else text)


def _unpacked(text: str) -> bytes:
    try:
        body = json.loads(text)
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(body["report"], validate=True), _MOST)
    except (ValueError, KeyError, TypeError, zlib.error):
        raise UnreadableSource("The report in this page is damaged and cannot be unpacked.") from None
    if unpacker.unconsumed_tail:
        raise UnreadableSource(f"The report in this page unfolds to more than {_MOST:,} bytes.")
    return data
