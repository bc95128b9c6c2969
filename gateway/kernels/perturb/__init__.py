"""Local differential privacy: each value leaves randomised on its own, by a keyed pseudorandom function.

The privacy loss is worked out from the integer weights that answers are drawn with, not from the formula they
approximate. Whoever lets answers leave compares it with what was charged for them.
"""

from gateway.kernels.perturb.laplace import DiscreteLaplace, LaplaceTable, laplace_table
from gateway.kernels.perturb.response import RandomizedResponse, ResponseTable, response_table

__all__ = [
    "DiscreteLaplace",
    "LaplaceTable",
    "RandomizedResponse",
    "ResponseTable",
    "laplace_table",
    "response_table",
]
