"""What is known to be wrong in OpenDP, by version, and the guard that stands between it and the gateway.

The gateway uses a few constructs of OpenDP and no others (`USED`), and starts only with a version on which all that is
promised of noise was tested (`TESTED`), none of whose known faults is in what it uses. Nothing here imports OpenDP:
`gateway.privacy.mechanisms` alone does. An architecture test holds the code against both lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from gateway.model.errors import ErrorReason, Fault

TESTED = frozenset(("0.16.0",))
"""The versions on which the tests of noise, of stated losses and the audit of releases were run, and passed."""

USED = frozenset(
    (
        "accuracy_to_discrete_laplacian_scale",
        "atom_domain",
        "enable_features",
        "l1_distance",
        "l2_distance",
        "m",
        "map",
        "Measurement",
        "then_gaussian",
        "then_laplace",
        "vector_domain",
    )
)
"""All that the gateway uses of OpenDP: integer noise on vectors of integers, the loss it states, and its margins."""


@dataclass(frozen=True, slots=True)
class KnownFault:
    """Constructs that are wrong in some versions: what is wrong, and the number of the issue in OpenDP's tracker.

    Every version is taken for faulty that is not known to be mended.
    """

    constructs: frozenset[str]
    issues: tuple[int, ...]
    wrong: str
    mended_in: frozenset[str] = frozenset()


KNOWN_FAULTS = (
    KnownFault(
        frozenset(
            (
                "make_laplace_threshold", "then_laplace_threshold",
                "make_gaussian_threshold", "then_gaussian_threshold",
            )
        ),
        (2922,),
        "the stated delta leaves out keys whose noised count is the threshold itself, and is too small",
    ),
    KnownFault(
        frozenset(
            (
                "make_private_lazyframe", "then_private_lazyframe", "make_private_expr", "then_private_expr",
                "make_stable_lazyframe", "then_stable_lazyframe", "lazyframe_domain", "with_margin", "Margin",
                "truncate_per_group", "truncate_num_groups", "LazyFrameQuery",
            )
        ),
        (2923, 2926, 2927, 2936, 2937, 2938, 2939, 2941, 2944, 2945, 2949),
        "plans over data frames are charged for less than they tell, down to an exact count for nothing",
    ),
    KnownFault(
        frozenset(("make_population_amplification",)),
        (2933,),
        "several amplified measurements of one sample are composed as if each had a sample of its own",
    ),
    KnownFault(
        frozenset(("make_noisy_max", "then_noisy_max", "make_noisy_top_k", "then_noisy_top_k")),
        (2911,),
        "the loss in rho is stated four times too small",
    ),
    KnownFault(
        frozenset(
            (
                "make_privacy_filter", "make_fully_adaptive_composition", "make_adaptive_composition", "Odometer",
                "Queryable", "Context", "compositor",
            )
        ),
        (2909,),
        "accounts in memory that grow quadratically and do not outlive the process; one refusal spoils a filter",
    ),
    KnownFault(
        frozenset(("honest-but-curious", "idealized-numerics", "floating-point")),
        (),
        "these features switch off, for the whole process, what keeps constructs without proofs out",
    ),
)  # fmt: skip
"""None is known to be mended. Numbers are those of github.com/opendp/opendp/issues."""


def denied(installed: str) -> dict[str, KnownFault]:
    """Return the constructs that must not be used with a version of OpenDP, each with what is wrong with it."""
    return {name: fault for fault in KNOWN_FAULTS if installed not in fault.mended_in for name in fault.constructs}


def refuse_untested(installed: str | None = None) -> None:
    """Refuse to go on with a version of OpenDP that was not tested, or in which something that is used is wrong.

    Raises:
        Fault: INTERNAL; a note says which version is installed and which are tested, or what is wrong.
    """
    installed = version("opendp") if installed is None else installed
    wrong = sorted(USED & denied(installed).keys())
    if installed not in TESTED:
        note = f"OpenDP {installed} was not tested with this gateway: install {' or '.join(sorted(TESTED))}"
    elif wrong:
        note = f"in OpenDP {installed}, {wrong[0]} is known to be wrong"
    else:
        return
    fault = Fault(ErrorReason.INTERNAL)
    fault.add_note(note)
    raise fault
