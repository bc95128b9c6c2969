"""What a privacy officer wants to know of a policy: tables of cases, why and why not, what a change would do. Pure."""
