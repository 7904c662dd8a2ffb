"""The columns of a trade's result, read from the database: no statement that writes results lists them.

A new column of a result is a migration (of `trade_results`), the engine's answer, and the view
`vw_complete_trades`, at its end. Settling, replays and exports find it by what is here.
"""

import re

from sqlalchemy import Connection, TextClause, text

from include.database import sql

# `{columns: settled.@}` in a statement: the columns, each in the place of the @, with commas between them.
_MARK = re.compile(r"\{(columns|older|younger): ([^{}]*)\}")


def sql_with_results(connection: Connection, name: str) -> TextClause:
    """Load a statement as `include.database.sql` does, with the result's columns where it marks their places.

    `{columns: excluded.@}` stands for all columns that settling writes, `{younger: result.@}` for those that
    results of the first edition lack, and so are NULL in old rows, `{older: result.@}` for the others.
    """
    rows = connection.execute(sql("trades/list_result_columns")).all()
    quote = connection.dialect.identifier_preparer.quote
    columns = {
        "columns": [quote(row.name) for row in rows],
        "older": [quote(row.name) for row in rows if not row.younger],
        "younger": [quote(row.name) for row in rows if row.younger],
    }
    statement = _MARK.sub(
        lambda mark: ", ".join(mark[2].replace("@", column) for column in columns[mark[1]]), sql(name).text
    )
    return text(statement).execution_options(query=name)
