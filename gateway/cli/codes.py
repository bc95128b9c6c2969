"""The exit codes of the commands. docs/reference/policy-commands.md has those of the policy commands in one table."""

from __future__ import annotations

FINE = 0
"""It worked, and there is nothing to say against it."""

FOUND = 1
"""It ran, and found something: problems, cases that fail, findings, differences, a refusal."""

CANNOT_RUN = 2
"""It could not do its work: wrong arguments, a missing or unreadable file."""

INVALID = 3
"""A folder is no valid policy, so that there is nothing to test, explain, compare or look over."""

WIDER = 4
"""Policies differ, and the second gives somebody something that the first does not."""

REFUSED = 5
"""A running gateway refuses: no authority, no second officer, a cool-down."""

CANNOT_START = 78
"""An operator must mend something before the gateway can start or be asked (EX_CONFIG of sysexits.h)."""
