"""Local differential privacy: each value leaves randomised on its own, by a keyed pseudorandom function.

The privacy loss is worked out from the integer weights that answers are drawn with, not from the formula they
approximate.
"""

from gateway.kernels.perturb.laplace import LaplaceTable, discrete_laplace, laplace_table
from gateway.kernels.perturb.response import ResponseTable, randomized_response, response_table

__all__ = [
    "LaplaceTable",
    "ResponseTable",
    "discrete_laplace",
    "laplace_table",
    "randomized_response",
    "response_table",
]
