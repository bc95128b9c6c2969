"""The policy: what the folder of documents means, as one immutable snapshot, with Casbin as the judge."""
