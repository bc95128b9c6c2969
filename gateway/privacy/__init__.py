"""Differential privacy: sensitivity of bounded contributions, OpenDP's integer mechanisms, and the price of a plan."""
