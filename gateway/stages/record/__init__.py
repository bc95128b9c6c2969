"""The record: what leaves is in the log, durably, before the first byte. The only maker of what may be delivered.

A module for each thing that leaves, and what is stored of it; how all of them are entered stands in `entry`.
"""
