"""What follows from the policy for one request: may it be, as what, why not, and what would do. Pure."""
