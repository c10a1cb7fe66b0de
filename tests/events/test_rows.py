from anchorwatch.events.rows import Headed, Row, Rows, headed


def test_rows_by_column_are_the_rows() -> None:
    plain: list[Row] = [(b"a", b"1", 4, 100), (None, None, 6, 90), (b"c", b"3", 7, 110)]

    rows = Rows.of(plain)

    assert (list(rows), rows[1], list(rows[1:]), len(rows)) == (plain, plain[1], plain[1:], 3)
    assert Rows.of(rows) is rows
    assert list(Rows.of([])) == []


def test_rows_by_column_keep_the_headers_of_those_that_have_some() -> None:
    plain: Row = (b"a", b"1", 4, 100)

    rows = Rows.of([headed(plain, [("x", b"1"), ("x", b"2")]), plain])

    assert [row.headers for row in rows if isinstance(row, Headed)] == [{"x": b"2"}, {}]
    assert (list(rows[1:]), rows[0]) == ([plain], plain)
