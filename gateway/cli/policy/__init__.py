"""`gateway policy …`: offline work on a policy folder, one module a command."""
