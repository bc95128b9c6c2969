"""Decisions for other systems: the OpenID AuthZEN Authorization API 1.0 over HTTPS.

A system that holds data by itself asks here what the policy says, and acts on the answer. Nothing is read and nothing
is counted; every decision is on record. From the outside in: `listener` (TLS, the thread), `connection` (the
certificate of the caller, patience), `app` (HTTP), `evaluations` (one or many), `question` and `answer` (the mapping).
"""
