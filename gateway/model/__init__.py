"""The words of the product as plain Python values: who asks, for what, under which contract, with which answer.

Nothing here reads, writes, or imports a third-party package.
"""
