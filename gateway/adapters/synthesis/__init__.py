"""Synthetic extracts as batch jobs, each in a process of its own with limits on memory and time."""
