"""`gateway demo`: a small city, a real gateway on loopback, and every kind of call, with what each side saw."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

import gateway.client as gw
from gateway.cli.as_json import print_json
from gateway.cli.demo import farewell
from gateway.cli.demo.city import CAST, DemoCity, prepare
from gateway.cli.demo.hub import cockpit, push
from gateway.cli.demo.play import Play
from gateway.cli.demo.receipts import receipts
from gateway.cli.demo.report import WIDTH, Misbehaved, Report
from gateway.cli.demo.rows import check, extract, lookup, refusals
from gateway.cli.demo.server import USUAL_PORT, DidNotStart, free_port, serving
from gateway.cli.demo.statistics import contest, research

FAILED = 1
_INTERRUPTED = 130


def demo(
    *,
    people: int = 20_000,
    folder: Path = Path(".demo"),
    port: int | None = None,
    keep: bool = False,
    json_: bool = False,
) -> int:
    """Start a small city's gateway on loopback and play its calls. Exit with 1 if it does not do what it should.

    Parameters
    ----------
    people
        How many people the city has, from 100.
    folder
        Where everything is made. What an earlier demo made there is replaced; nothing else ever is.
    port
        The port on 127.0.0.1; 0 for any that is free. Left out: 8443, or any if that is in use.
    keep
        Leave the gateway running after the scenes, until Ctrl-C.
    json_
        End with one line of JSON: the seconds to the first answer, and what was played.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    terminal = Console()
    console = Console(width=min(WIDTH, terminal.width) if terminal.is_terminal else WIDTH, highlight=False)
    try:
        chosen = free_port(USUAL_PORT, 0) if port is None else free_port(port)
        return _run(console, began, people, folder, chosen, keep=keep, as_json=json_)
    except Misbehaved as failure:
        return _failed(f"This does not hold: {failure}")
    except gw.GatewayError as error:
        return _failed(f"The gateway answered {error}")
    except DidNotStart as failure:
        return _failed(str(failure))
    except KeyboardInterrupt:
        print("\nStopped; the gateway has ended.", file=sys.stderr)
        return _INTERRUPTED


def _run(console: Console, began: float, people: int, folder: Path, port: int, *, keep: bool, as_json: bool) -> int:
    city = prepare(folder, people, port)
    # only now is the generator known to be there
    from seeds.generator import CANARIES, MARKS

    report = Report(console, MARKS)
    report.title(
        "The Purpose Gateway: nothing leaves without a purpose, nor what the purpose does not need",
        "A synthetic city; nobody in it exists. INSIDE is what the gateway sees, LEFT what a caller got.",
    )
    report.step(
        f"{folder}: a city of {people:,} people ({sum(city.rows.values()):,} records), its policy, {len(CAST)} callers",
        time.monotonic() - began,
    )
    prepared = time.monotonic()
    with serving(city) as process:
        started = time.monotonic() - prepared
        report.step(f"gateway serve, process {process.pid}, on {city.address} with mTLS", started)
        with ExitStack() as connections:
            play = Play(city, report, began, CANARIES[3].resident_id, CANARIES[0].resident_id, connections)
            token = extract(play)
            lookup(play, token)
            check(play)
            refusals(play)
            research(play)
            contest(play)
            push(play)
            cockpit(play)
            receipts(play)
        took = time.monotonic() - began
        _say_goodbye(report, city, play, took)
        if keep:
            report.plain(f"\nServing on {city.address} until Ctrl-C.")
            process.wait()
    if as_json:
        print_json(_figures(play, took))
    return 0


def _failed(why: str) -> int:
    print(f"\nThe demo FAILED. {why}", file=sys.stderr)
    return FAILED


def _say_goodbye(report: Report, city: DemoCity, play: Play, took: float) -> None:
    report.commands("Keep it running", f"  {farewell.keep_running(city)}")
    report.commands("Call it with grpcurl", farewell.grpcurl(city))
    report.commands("Call it from Python", farewell.python_snippet(city))
    report.plain(
        f"{len(report.scenes)} scenes, {report.proofs} proofs, all held. "
        f"First answer {play.seconds_to_first_answer:.1f} s after the start, the whole took {took:.1f} s."
    )


def _figures(play: Play, took: float) -> dict[str, float]:
    return {
        "people": play.city.people,
        "records": sum(play.city.rows.values()),
        "scenes": len(play.report.scenes),
        "proofs": play.report.proofs,
        "receipts": len(play.answers) + len(play.refusals),
        "seconds_to_first_answer": round(play.seconds_to_first_answer, 3),
        "seconds": round(took, 3),
    }


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
