"""Expressions as PostgreSQL writes them before a dump and after its restore: one meaning, or two."""

import pytest

from include.backups.postgres.meaning import meaning, statements
from include.backups.postgres.privileges import missing, roles_in, units


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "((side)::text = ANY ((ARRAY['buy'::character varying, 'sell'::character varying])::text[]))",
            "((side)::text = ANY (ARRAY[('buy'::character varying)::text, ('sell'::character varying)::text])"
            ")",
        ),
        (
            "((code)::numeric = ANY ((ARRAY[a, (b + 1)])::numeric(10,2)[]))",
            "((code)::numeric = ANY (ARRAY[(a)::numeric(10,2), ((b + 1))::numeric(10,2)]))",
        ),
        ("((a > 0) AND ((b >= 1) AND (b <= 5)))", "((a > 0) AND (b >= 1) AND (b <= 5))"),
        ("(((a = 1) OR (b = 2)) OR (c = 3))", "((a = 1) OR ((b = 2) OR (c = 3)))"),
        ("(x < (- 0.5))", "(x < '-0.5'::numeric)"),
        ("(x > (- 5000000000))", "(x > '-5000000000'::bigint)"),
        ("SELECT a FROM t UNION SELECT NULL::date", "SELECT a FROM t\nUNION\n SELECT NULL::date AS date"),
        ("WHERE ((price)::text = '1'::text)", "WHERE  (((price))::text = '1'::text) -- as ever"),
    ],
)
def test_the_same_written_in_two_ways(before, after):
    assert before != after and meaning(before) == meaning(after)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("((a = 1) AND ((b = 2) OR (c = 3)))", "(((a = 1) AND (b = 2)) OR (c = 3))"),
        ("(x = ANY (ARRAY['a'::text, 'b'::text]))", "(x = ANY (ARRAY['a'::text, 'c'::text]))"),
        ("((at)::date > d)", "((at)::timestamp > d)"),
        ("(x < (- 0.5))", "(x < 0.5)"),
        ("(x = 'a b'::text)", "(x = 'ab'::text)"),
        ("(x = '(a)'::text)", "(x = 'a'::text)"),
        ("SELECT a AS x, b AS y FROM t", "SELECT a AS y, b AS x FROM t"),
        ("$$BEGIN  RETURN 1; END$$", "$$BEGIN RETURN 1; END$$"),
        ("(a - (b - c))", "((a - b) - c)"),
        ('(x = "Odd")', "(x = odd)"),
    ],
)
def test_another_meaning_stays_another(one, other):
    assert meaning(one) != meaning(other)


def test_statements_end_at_their_semicolon_and_nowhere_else():
    script = "-- first;\nGRANT x TO y;\n\nCOMMENT ON TABLE a IS 'one; two';\nDO $x$ BEGIN; END $x$;\n"
    assert list(statements(script)) == [
        "GRANT x TO y",
        "COMMENT ON TABLE a IS 'one; two'",
        "DO $x$ BEGIN; END $x$",
    ]


@pytest.mark.parametrize(
    ("statement", "roles"),
    [
        ("GRANT SELECT ON TABLE public.trades TO auditor", {"auditor"}),
        ('GRANT ALL ON SCHEMA app TO "Odd ""one""" WITH GRANT OPTION', {'Odd "one"'}),
        ("REVOKE ALL ON FUNCTION f(a integer) FROM PUBLIC", set()),
        ("GRANT USAGE ON FOREIGN SERVER files TO a, b", {"a", "b"}),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE dba IN SCHEMA public GRANT SELECT ON TABLES TO reader",
            {"dba", "reader"},
        ),
        ("CREATE POLICY own ON public.t FOR SELECT TO desk USING ((SELECT max(a) FROM b) > 1)", {"desk"}),
        ("CREATE USER MAPPING FOR loader SERVER files OPTIONS (user 'x')", {"loader"}),
        ("SET SESSION AUTHORIZATION desk", {"desk"}),
        ("ALTER DATABASE trades SET work_mem TO '5MB'", set()),
        ("ALTER ROLE desk IN DATABASE trades SET search_path TO 'a', 'b'", {"desk"}),
    ],
)
def test_the_roles_of_a_statement_are_known(statement, roles):
    assert roles_in(statement) == roles
    assert missing([statement], {"desk"}) == roles - {"desk"}


def test_what_another_role_gave_stays_together():
    script = [
        "GRANT a TO b",
        "SET SESSION AUTHORIZATION b",
        "GRANT c TO d",
        "RESET SESSION AUTHORIZATION",
        "GRANT e TO f",
    ]
    assert list(units(script)) == [script[:1], script[1:4], script[4:]]
