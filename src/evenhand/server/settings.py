"""Settings: what a server allows — hosts, sizes, rates, sessions and sign-on."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from evenhand.core.audit_file import first_error
from evenhand.core.errors import SpecError
from evenhand.core.monitor import span
from evenhand.core.yaml_text import read_yaml
from evenhand.monitor.retention import Retention

Scope = Literal["read", "submit", "hunt", "admin"]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sizes(_Part):
    """The most that is read, before and after parsing."""

    body: int = Field(default=1 << 20, gt=0, description="Bytes of a request that is no upload.")
    json_batch: int = Field(default=4 << 20, gt=0, description="Bytes of a batch of records as JSON.")
    report: int = Field(default=16 << 20, gt=0, description="Bytes of a report.json.")
    upload: int = Field(default=64 << 20, gt=0, description="Bytes of a Parquet, Arrow or JSON Lines file.")
    payload: int = Field(
        default=256 << 20, gt=0, description="Bytes of a file of a bounty, whose own limit may be smaller."
    )
    parsed: int = Field(default=256 << 20, gt=0, description="Bytes of a file once it is a table.")
    rows: int = Field(default=2_000_000, gt=0, description="Rows of a file.")
    records: int = Field(default=10_000, gt=0, description="Records of a JSON batch.")
    columns: int = Field(default=2_000, gt=0, description="Columns of a batch or file.")
    text: int = Field(default=65_536, gt=0, description="Bytes of one text value.")
    depth: int = Field(default=32, gt=0, description="How deep JSON may be nested.")
    seconds: float = Field(default=60.0, gt=0, description="How long a body may take to arrive.")


class Parser(_Part):
    """What the processes that parse uploads may use."""

    processes: int = Field(default=2, ge=1, description="How many there are.")
    memory: int = Field(default=1 << 30, gt=0, description="Bytes of address space.")
    seconds: float = Field(default=20.0, gt=0, description="How long one file may take.")


class Rates(_Part):
    """Requests a second, and how many at once after a quiet time; 0 is no limit."""

    key: float = Field(default=200.0, ge=0, description="For each key or session.")
    address: float = Field(default=200.0, ge=0, description="For each address.")
    refused: float = Field(default=0.5, ge=0, description="Wrong keys from one address.")
    joins: float = Field(default=0.2, ge=0, description="New teams from one address.")
    burst: float = Field(default=2.0, gt=0, description="Seconds' worth of requests that may come at once.")


class Hunting(_Part):
    """What each team of a bounty may leave here before it is judged."""

    waiting: int = Field(default=100, ge=1, description="Submissions that wait to be judged.")
    files: int = Field(default=20, ge=1, description="Files that were sent and belong to no submission yet.")
    at_once: int = Field(default=4, ge=1, description="Files that are being sent.")
    hours: float = Field(default=24.0, gt=0, description="How long a file without a submission is kept.")
    teams: int = Field(default=10_000, ge=1, description="Teams of one bounty.")


class OpenId(_Part):
    """Sign-on at an OpenID Connect provider; the client's secret may be env:NAME."""

    issuer: str = Field(description="The provider's address, such as https://login.example.org.")
    client: str
    secret: str = Field(default="env:EVENHAND_OIDC_SECRET", description="env:NAME reads the environment.")
    claim: str = Field(default="roles", description="The claim that holds a person's roles.")
    roles: dict[str, tuple[Scope, ...]] = Field(
        default={"viewer": ("read",), "editor": ("read", "submit"), "admin": ("read", "submit", "admin")},
        description="What each role may do; people without any of them are turned away.",
    )


class Settings(_Part):
    """Everything a server can be told; the defaults suit one person on one machine."""

    hosts: tuple[str, ...] = Field(default=LOOPBACK, description="Names that requests may ask for (Host).")
    session: Annotated[timedelta, BeforeValidator(span)] = Field(
        default=timedelta(hours=12), description="How long a session lasts."
    )
    secure: bool = Field(
        default=False, description="Whether cookies go over https only, even where a request came without."
    )
    proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    folders: tuple[Path, ...] = Field(default=(), description="Where baselines and models of monitors may lie.")
    programs: tuple[str, ...] = Field(default=(), description="Programs that alerts may start, as full paths.")
    reach: tuple[str, ...] = Field(
        default=(), description="Hosts, or host:port, that models may be at, and alerts may go to although inside."
    )
    sizes: Sizes = Sizes()
    parser: Parser = Parser()
    rates: Rates = Rates()
    hunting: Hunting = Hunting()
    retention: Retention = Field(default=Retention(), description="How long what is over is kept.")
    openid: OpenId | None = None

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read settings from YAML; raises SpecError."""
        try:
            return cls.model_validate(read_yaml(path.read_text(encoding="utf-8")) or {})
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SpecError(f"Cannot read the settings {str(path)!r}: {str(error).splitlines()[0]}.") from None
        except ValidationError as error:
            raise SpecError(f"{path.name}: {first_error(error, cls)}") from None
