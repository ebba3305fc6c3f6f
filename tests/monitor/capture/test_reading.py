"""Files are taken in once: folders of Parquet and JSON Lines, and SageMaker's captured traffic and ground truth."""

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from evenhand.core.errors import DataError, EvenhandError, UnreadableSource
from evenhand.monitor.capture import Capture, Receipt, Traffic, take_in
from tests.monitor.capture.traffic_model import ALWAYS, MONITOR, START, clock

ROWS = [
    {"id": f"a{number}", "time": START.isoformat(), "sex": "FM"[number % 2], "approved": number % 2}
    for number in range(6)
]
LAYOUT = Traffic(columns=("sex", "age"), answers=("approved", None), label="paid")


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return Capture(tmp_path / "kept", MONITOR, clock=clock)


def lines(path: Path, records: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def captured(event: str, sent: dict[str, str], answered: dict[str, str], **more: str) -> dict[str, Any]:
    return {
        "captureData": {"endpointInput": sent, "endpointOutput": answered},
        "eventMetadata": {"eventId": event, "inferenceTime": "2026-11-20T05:00:00Z", **more},
        "eventVersion": "0",
    }


def text(data: str, kind: str = "text/csv", encoding: str = "CSV") -> dict[str, str]:
    return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}


def kept(capture: Capture, labelled: bool = False) -> list[dict[str, Any]]:
    capture.seal()
    frame = capture.frame(ALWAYS, labelled=labelled)
    assert frame is not None
    found = [row for batch in frame.batches(list(frame.kinds), 100) for row in batch.to_dict("records")]
    return sorted(found, key=lambda row: str(row["id"]))


def test_a_folder_is_taken_in_once_and_what_is_new_in_it_later(capture: Capture, tmp_path: Path) -> None:
    place = tmp_path / "given"
    lines(place / "2026/11/20/00/one.jsonl", ROWS[:3])
    pa.parquet.write_table(pa.Table.from_pylist(ROWS[2:5]), place / "two.parquet")
    (place / "notes.md").write_text("no records")
    assert take_in(capture, place) == Receipt(5, 1)
    assert take_in(capture, place) == Receipt(0, 0)
    lines(place / "three.jsonl", ROWS)
    assert take_in(capture, str(place)) == Receipt(1, 5)
    lines(tmp_path / "truth.jsonl", [{"id": "a1", "paid": 1}, {"id": "zz", "paid": 0}])
    assert take_in(capture, tmp_path / "truth.jsonl", form="truth") == Receipt(2, 0)
    assert [row["id"] for row in kept(capture)] == [row["id"] for row in ROWS]
    assert [(row["id"], row["paid"]) for row in kept(capture, labelled=True)] == [("a1", 1)]


def test_a_prefix_is_read_by_fsspec(capture: Capture) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/day/one.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
    assert take_in(capture, "memory://bucket/day") == Receipt(6, 0)
    assert take_in(capture, "memory://bucket/day") == Receipt(0, 0)


def test_traffic_and_ground_truth_of_sagemaker_are_joined(capture: Capture, tmp_path: Path) -> None:
    encoded = base64.b64encode(b"F,31").decode()
    objects = json.dumps({"instances": [{"sex": "F", "age": 40}, {"sex": "M", "age": 50}]})
    answers = json.dumps({"predictions": [{"approved": 1}, {"approved": 0}]})
    lines(
        tmp_path / "capture/01.jsonl",
        [
            captured("e1", text("F,30\nM,20\n"), text("1,0.9\n0,0.2\n")),
            captured("e2", text(encoded, encoding="BASE64"), text("1,0.8"), inferenceId="mine"),
            captured("e3", text(objects, "application/json", "JSON"), text(answers, "application/json", "JSON")),
        ],
    )
    truth = [
        {"groundTruthData": {"data": "1\n0", "encoding": "CSV"}, "eventMetadata": {"eventId": "e1"}},
        {"groundTruthData": {"data": "0", "encoding": "CSV"}, "eventMetadata": {"eventId": "mine"}},
        {"groundTruthData": {"data": "[[1],[1]]", "encoding": "JSON"}, "eventMetadata": {"eventId": "e3"}},
    ]
    lines(tmp_path / "truth/01.jsonl", truth)
    assert take_in(capture, tmp_path / "capture", form="traffic", traffic=LAYOUT) == Receipt(5, 0)
    assert take_in(capture, tmp_path / "truth", form="ground truth", traffic=LAYOUT) == Receipt(5, 0)
    rows = [(row["id"], row["sex"], row["age"], row["approved"], row["paid"]) for row in kept(capture, labelled=True)]
    assert rows == [
        ("e1/0", "F", 30, 1, 1),
        ("e1/1", "M", 20, 0, 0),
        ("e3/0", "F", 40, 1, 1),
        ("e3/1", "M", 50, 0, 1),
        ("mine", "F", 31, 1, 0),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"a": 1}, "a line has no eventMetadata.eventId"),
        ({"eventMetadata": {"eventId": "e"}}, "has captureData and eventMetadata.inferenceTime; this has not"),
        (captured("e", text("F,30,1"), text("1,0.9")), "a row has 3 cells, and 2 names are given"),
        (captured("e", text("F,30"), text("1,0.9\n1,0.9")), "event 'e' has 1 rows and 2 answers"),
        (captured("e", text("!", encoding="BASE64"), text("1")), "data is said to be BASE64 of text and is not"),
        (captured("e", text("{", "application/json"), text("1")), "data is said to be JSON and is not"),
        (captured("e", {}, text("1")), "a line holds no text under data"),
        ([1], "line 1 is no object of names and values"),
    ],
)
def test_traffic_that_is_none_is_refused_naming_the_file(
    capture: Capture, tmp_path: Path, line: Any, message: str
) -> None:
    path = lines(tmp_path / "one.jsonl", [line])
    with pytest.raises(DataError, match=rf"one\.jsonl: .*{message}"):
        take_in(capture, path, form="traffic", traffic=LAYOUT)


def test_files_that_cannot_be_read_are_named(capture: Capture, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"id": 1\n')
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "long.jsonl").write_bytes(b'"' + b"x" * (8 * 2**20 + 10))
    for name, message in (
        ("bad.jsonl", "line 1 is no JSON"),
        ("bad.parquet", "cannot be read"),
        ("long.jsonl", "line 1 has more than 8,388,608 bytes; write one record a line"),
    ):
        with pytest.raises(EvenhandError, match=message) as caught:
            take_in(capture, tmp_path / name)
        assert name in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableSource, match=r"holds no file that ends in \.parquet"):
        take_in(capture, tmp_path / "empty")
