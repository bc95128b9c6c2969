"""From noised integer measures to answers with 95 % intervals: pure arithmetic, which costs no privacy.

Differential privacy is closed under post-processing (Dwork and Roth 2014, proposition 2.1): nothing here sees a value
that has not been noised.
"""
