"""The exit codes of the policy commands. docs/reference/policy-commands.md has them in one table."""

from __future__ import annotations

from gateway.cli.mistake import CANNOT_RUN, PROBLEMS_FOUND

FINE = 0
"""It worked, and there is nothing to say against it."""

FOUND = PROBLEMS_FOUND
"""It ran, and found something: problems, cases that fail, findings, differences, a refusal."""

MISUSED = CANNOT_RUN
"""It could not run: wrong arguments, or no such folder."""

INVALID = 3
"""A folder is no valid policy, so that there is nothing to test, explain, compare or look over."""

WIDER = 4
"""Policies differ, and the second gives somebody something that the first does not."""
