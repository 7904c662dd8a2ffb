-- Adds up the rows of a table of kept sums where there are several with the same keys; whoever reads meanwhile sees the
-- rows or their sum. Two at once share the work: rows that another one holds are left to it. What adds up to nothing goes.
CREATE OR REPLACE FUNCTION merge_sums(of_table regclass, keys text, VARIADIC sums text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    $statement$
      WITH several AS (
        SELECT %2$s FROM %1$s GROUP BY %2$s HAVING count(*) > 1
      ), held AS (
        SELECT summed.ctid AS place FROM %1$s AS summed JOIN several USING (%2$s) FOR UPDATE OF summed SKIP LOCKED
      ), taken AS (
        DELETE FROM %1$s WHERE ctid IN (SELECT place FROM held) RETURNING %2$s, %3$s
      )
      INSERT INTO %1$s (%2$s, %3$s)
      SELECT %2$s, sum(%4$s) FROM taken GROUP BY %2$s HAVING sum(%5$s) <> 0
    $statement$,
    of_table, keys, array_to_string(sums, ', '), array_to_string(sums, '), sum('), array_to_string(sums, ') <> 0 OR sum(')
  );
END;
$$;

COMMENT ON FUNCTION merge_sums IS
  'Adds up the rows of a table of kept sums: one row for each value of the keys, as far as nobody else holds them';
