"""The commands, named here and imported when they run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError

from gateway.cli.codes import CANNOT_RUN
from gateway.cli.mistake import Mistake
from gateway.policy.problems import did_you_mean, shown

_USAGE = "Usage: gateway <cmd>"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("purpose-gateway")
    except PackageNotFoundError:
        return "run from a source tree that is not installed"


app = App(
    name="gateway",
    help="Nothing leaves without a purpose, and nothing leaves that the purpose does not need.",
    usage=_USAGE,
    version=_version,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.command("gateway.cli.serve:serve", name="serve", help="Serve: answer departments and researchers over TLS.")
app.command("gateway.cli.health:health", name="health", help="Ask a running gateway whether it serves (exit 0 or 1).")
app.command(
    "gateway.cli.demo.command:demo", name="demo", help="Start a small city's gateway on loopback and play its calls."
)

contract = App(name="contract", help="Data contracts: draft, check, bring in and give to others.")
contract.command("gateway.cli.contract.init:init", name="init", help="Draft a contract from a Parquet or CSV file.")
contract.command(
    "gateway.cli.contract.service:service",
    name="service",
    help="Draft a contract from the descriptors of a department's gRPC service.",
)
contract.command(
    "gateway.cli.contract.check:check", name="check", help="Check contracts, and what they leave to confirm."
)
contract.command(
    "gateway.cli.contract.bring:import_", name="import", help="Draft a contract from one of the ODCS written elsewhere."
)
contract.command("gateway.cli.contract.register:list_", name="list", help="List what there is, and who answers for it.")
contract.command(
    "gateway.cli.contract.rehearse:rehearse", name="rehearse", help="Make data up from a contract alone, to try it on."
)
contract.command("gateway.cli.contract.give:export", name="export", help="Write a contract as a plain ODCS document.")
app.command(contract)

policy = App(name="policy", help="The policy folder.")
policy.command(
    "gateway.cli.policy.check:check", name="check", help="Check a policy folder and say what is wrong where."
)
policy.command("gateway.cli.policy.test:test", name="test", help="Run the decision tables of a policy folder.")
policy.command(
    "gateway.cli.policy.explain:explain", name="explain", help="Why, why not, and what would have to change."
)
policy.command("gateway.cli.policy.diff:diff", name="diff", help="What another policy folder gives more, or less.")
policy.command("gateway.cli.policy.lint:lint", name="lint", help="Look for what is valid and unwise.")
policy.command(
    "gateway.cli.policy.impact:impact", name="impact", help="What a policy would have meant for recorded decisions."
)
policy.command("gateway.cli.policy.life:propose", name="propose", help="Propose a policy folder to a running gateway.")
policy.command("gateway.cli.policy.approve:approve", name="approve", help="Show what a proposal changes, and sign it.")
policy.command("gateway.cli.policy.life:publish", name="publish", help="Put a proposal into force.")
policy.command("gateway.cli.policy.life:rollback", name="rollback", help="Put an earlier policy back into force.")
policy.command("gateway.cli.policy.life:review", name="review", help="Enter that you looked at an emergency's policy.")
policy.command("gateway.cli.policy.life:proposals", name="proposals", help="List what was proposed.")
policy.command("gateway.cli.policy.history:history", name="history", help="List how policies came into force.")
app.command(policy)

consent = App(name="consent", help="Registers of consent, for their keepers.")
consent.command("gateway.cli.consent:record", name="record", help="Record the consents of a CSV file.")
consent.command("gateway.cli.consent:withdraw", name="withdraw", help="Withdraw a consent.")
consent.command("gateway.cli.consent:list_", name="list", help="List what one subject agreed to.")
app.command(consent)

case = App(name="case", help="Registers of cases, for their keepers.")
case.command("gateway.cli.case:open_", name="open", help="Open a case for an institution.")
case.command("gateway.cli.case:close", name="close", help="Close a case.")
app.command(case)

emergency = App(name="emergency", help="Broken glasses, for officers who review.")
emergency.command("gateway.cli.oversight:emergencies", name="list", help="List those that wait for a review.")
emergency.command("gateway.cli.oversight:review", name="review", help="Enter a review.")
app.command(emergency)

link = App(name="link", help="Join grants, for officers who link.")
link.command("gateway.cli.link:propose", name="propose", help="Propose to join two recipients' pseudonyms for a time.")
link.command("gateway.cli.link:approve", name="approve", help="Show what would be joined, and sign it.")
link.command("gateway.cli.link:end", name="end", help="End a join grant, and its keys with it.")
link.command("gateway.cli.link:list_", name="list", help="List the newest join grants.")
app.command(link)

reidentify = App(name="reidentify", help="Opening a pseudonym, with the approval of two officers.")
reidentify.command("gateway.cli.reidentify:ask", name="ask", help="Ask for a few tokens to be opened. Opens nothing.")
reidentify.command("gateway.cli.reidentify:list_", name="list", help="List the requests that wait for officers.")
reidentify.command("gateway.cli.reidentify:approve", name="approve", help="Show what would be opened, and sign it.")
reidentify.command("gateway.cli.reidentify:collect", name="collect", help="Collect and open what was approved, once.")
app.command(reidentify)

synthesis = App(name="synthesis", help="Synthetic extracts, for those who may ask for them.")
synthesis.command("gateway.cli.synthesis:estimate", name="estimate", help="Tell what synthetic rows would cost.")
synthesis.command("gateway.cli.synthesis:request", name="request", help="Ask for synthetic rows.")
synthesis.command("gateway.cli.synthesis:status", name="status", help="Tell where a job stands.")
synthesis.command("gateway.cli.synthesis:cancel", name="cancel", help="End a job. What it cost stays spent.")
synthesis.command("gateway.cli.synthesis:fetch", name="fetch", help="Wait for a file, and save it.")
app.command(synthesis)

budget = App(name="budget", help="What was spent of the privacy budgets, read from the state database.")
budget.command("gateway.cli.budget:status", name="status", help="List what each budget has spent, and what is left.")
budget.command("gateway.cli.budget:history", name="history", help="List the charges, the newest first.")
budget.command("gateway.cli.budget:check", name="check", help="Add every charge up again, and compare.")
app.command(budget)

series = App(name="series", help="Statistics that are published day after day, for one price: a cockpit's daily job.")
series.command("gateway.cli.series:list_", name="list", help="List the series that may be had, with their margins.")
series.command("gateway.cli.series:open_", name="open", help="Pay for a series, once, for all its days.")
series.command("gateway.cli.series:write", name="write", help="Write the days that are over into a CSV or JSON file.")
app.command(series)

indicator = App(name="indicator", help="Exact figures of your regions, small ones withheld.")
indicator.command("gateway.cli.indicators:read", name="read", help="Print the figures as they stand.")
indicator.command("gateway.cli.indicators:watch", name="watch", help="Print the figures, and each that changes.")
app.command(indicator)

release = App(name="release", help="Releases, as they were answered.")
release.command("gateway.cli.release:verify", name="verify", help="Verify the certificate of a release, offline.")
app.command(release)

app.command("gateway.cli.oversight:report", name="report", help="Report what an institution did with data.")

app.command("gateway.cli.export:export", name="export", help="Have an extract made into files, and save them.")
app.command("gateway.cli.push.command:push", name="push", help="Push a file of rows into a dataset, once.")

key = App(name="key", help="The key file that pseudonyms are made with, and officers' own keys.")
key.command("gateway.cli.key.init:init", name="init", help="Make a key file.")
key.command("gateway.cli.key.status:status", name="status", help="Show what is in a key file, but the keys.")
key.command("gateway.cli.key.rotate:rotate", name="rotate", help="Make a new master key, or end old ones.")
key.command("gateway.cli.key.destroy:destroy", name="destroy", help="Erase a domain's secret for ever, and sign it.")
key.command("gateway.cli.key.verify:verify", name="verify", help="Check a certificate of destruction.")
key.command("gateway.cli.key.backup:backup", name="backup", help="Copy a key file, for a stated time.")
key.command("gateway.cli.key.restore:restore", name="restore", help="Make a key file of a back-up.")
key.command("gateway.cli.key.escrow:escrow", name="escrow", help="Seal the master keys to an agent.")
key.command("gateway.cli.key.recover:recover", name="recover", help="Open a key file whose secret is lost.")
key.command("gateway.cli.key.signing:signing", name="signing", help="Print the public keys that verify releases.")
key.command("gateway.cli.key.officer:officer", name="officer", help="Make an officer's own key.")
app.command(key)


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code. What users get wrong is told on stderr."""
    try:
        result = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except Mistake as mistake:
        print(f"gateway: {mistake}", file=sys.stderr)
        return mistake.code
    except UnknownCommandError as error:
        # not the library's own text: to suggest a command it imports them all
        return _misused(_unknown(error))
    except CycloptsError as error:
        return _misused(" ".join(str(error).split()))
    except BrokenPipeError:
        # the reader of our output went away; nothing is left to say, and nobody to say it to
        sys.stderr.close()
        return CANNOT_RUN
    return result if type(result) is int else 0


def commands() -> tuple[str, ...]:
    """Return every command as it is typed after `gateway`, in order, without importing any."""
    every = (
        contract, policy, consent, case, emergency, link, reidentify, synthesis, budget, series, indicator, release,
        key,
    )  # fmt: skip
    groups = {group.name[0]: group for group in every}
    found = []
    for name in app:
        if name in groups:
            found += [f"{name} {inner}" for inner in groups[name] if not inner.startswith("-")]
        elif not name.startswith("-"):
            found.append(name)
    return tuple(sorted(found))


def _misused(message: str) -> int:
    print(f"gateway: {message}\n{_USAGE} (gateway --help lists the commands).", file=sys.stderr)
    return CANNOT_RUN


def _unknown(error: UnknownCommandError) -> str:
    word = error.unused_tokens[0] if error.unused_tokens else ""
    parts = {part for command in commands() for part in command.split()}
    return f"there is no command {shown(word)}. {did_you_mean(word, parts)}".rstrip()
