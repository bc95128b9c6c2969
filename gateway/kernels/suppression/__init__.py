"""Cell suppression for exact figures over a tree of regions: in one snapshot, and from one to the next."""
