"""What to do after the demo: keep the gateway running, and call it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from gateway.cli.demo.city import DemoCity

_INSTITUTION = "police"


def keep_running(city: DemoCity) -> str:
    """The command that serves the demo's folder."""
    return f"{_command()} serve --config {_near(city.settings)}"


def grpcurl(city: DemoCity) -> str:
    """Command lines of grpcurl: what may I get, and give it to me."""
    files = city.clients[_INSTITUTION]
    common = (
        f"grpcurl -cacert {_near(files.authority)} \\\n"
        f"  -cert {_near(files.certificate)} -key {_near(files.key)} \\\n"
        f'  -H "authorization: Bearer $(cat {_near(files.token)})" \\\n'
    )
    describe = '{"purpose": "epidemic-tracing"}'
    extract = (
        '{"context": {"purpose": "epidemic-tracing"}, "dataset": "health_cases",\n'
        '       "disclosure": "police-tracing", "encoding": "ENCODING_ROWS"}'
    )
    service = f"{city.address} gateway.api.v1.SharingService"
    return f"{common}  -d '{describe}' {service}/Describe\n\n{common}  -d '{extract}' {service}/Extract"


def python_snippet(city: DemoCity) -> str:
    """A program that calls the gateway as the police."""
    files = city.clients[_INSTITUTION]
    return f"""\
import gateway.client as gw

with gw.connect(
    "{city.address}",
    certificate="{_near(files.certificate)}",
    key="{_near(files.key)}",
    ca="{_near(files.authority)}",
    token=open("{_near(files.token)}").read(),
) as gateway:
    for offer in gateway.describe():
        print(offer.purpose, offer.dataset, offer.disclosure)
    cases = gateway.extract("health_cases", "police-tracing", purpose="epidemic-tracing").read_all()
    print(cases.slice(0, 3))
"""


def _command() -> str:
    """The command `gateway` as the user can type it: by its name if it is on the path."""
    beside = Path(sys.executable).with_name("gateway")
    found = shutil.which("gateway")
    if found is not None and Path(found) == beside:
        return "gateway"
    return _near_as_is(beside) if beside.is_file() else f"{_near_as_is(Path(sys.executable))} -m gateway"


def _near_as_is(program: Path) -> str:
    # a virtual environment's Python is a link that must not be followed
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)


def _near(path: Path) -> str:
    """The path as the user would write it: from the working directory if it lies beneath."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())
