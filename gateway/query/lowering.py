"""One tree in an engine's own words: what it says otherwise is put in the place of what was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

Words: TypeAlias = Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]]
"""What an engine says for an expression of a type; None where it says the same."""


def in_words(tree: exp.Query, words: Words) -> exp.Query:
    """Put a tree in these words. The tree is changed."""
    # inner nodes first: what takes the place of an outer one is made of them
    for node in reversed(list(tree.walk())):
        word = words.get(type(node))
        new = None if word is None else word(node)
        if new is not None and new is not node:
            node.replace(new)
    return tree
