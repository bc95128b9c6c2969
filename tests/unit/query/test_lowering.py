"""What an engine says otherwise is put in its place wherever it stands, and however deep in itself."""

from sqlglot import exp, parse_one

from gateway.query.lowering import Words, in_words


def _said(question: str, words: Words) -> str:
    tree = parse_one(question)
    assert isinstance(tree, exp.Query)
    said = in_words(tree, words)
    assert said is tree
    return said.sql()


def _magnitude(node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="magnitude", expressions=[node.this])


def test_a_word_within_itself_is_said_at_every_depth() -> None:
    assert (
        _said("SELECT ABS(ABS(ABS(x) + y))", {exp.Abs: _magnitude}) == "SELECT MAGNITUDE(MAGNITUDE(MAGNITUDE(x) + y))"
    )


def test_an_outer_word_is_made_of_what_the_inner_one_became() -> None:
    def quoted(node: exp.Expr) -> exp.Expr:
        return exp.Literal.string(node.this.sql())

    assert _said("SELECT CEIL(ABS(x) + 1)", {exp.Ceil: quoted, exp.Abs: _magnitude}) == "SELECT 'MAGNITUDE(x) + 1'"


def test_a_word_that_holds_what_it_stands_for_is_said_once() -> None:
    def never_negative(node: exp.Expr) -> exp.Expr:
        return exp.Greatest(this=exp.Abs(this=node.this), expressions=[exp.Literal.number(0)])

    assert _said("SELECT ABS(ABS(x))", {exp.Abs: never_negative}) == ("SELECT GREATEST(ABS(GREATEST(ABS(x), 0)), 0)")


def test_questions_within_questions_are_put_in_words_too() -> None:
    question = "SELECT ABS(a) FROM (SELECT ABS(b) AS a FROM t WHERE ABS(c) > 1) AS u ORDER BY ABS(a)"
    assert _said(question, {exp.Abs: _magnitude}) == question.replace("ABS", "MAGNITUDE")


def test_a_word_may_leave_some_of_its_kind_as_they_are() -> None:
    def of_columns(node: exp.Expr) -> exp.Expr | None:
        return _magnitude(node) if isinstance(node.this, exp.Column) else None

    assert _said("SELECT ABS(ABS(x))", {exp.Abs: of_columns}) == "SELECT ABS(MAGNITUDE(x))"


def test_a_node_that_is_its_own_word_is_changed_where_it_stands() -> None:
    def negated(node: exp.Expr) -> exp.Expr:
        node.set("this", exp.Neg(this=node.this))
        return node

    assert _said("SELECT CEIL(ABS(x))", {exp.Abs: negated, exp.Ceil: _magnitude}) == "SELECT MAGNITUDE(ABS(-x))"
