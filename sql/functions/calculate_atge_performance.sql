-- Recalculates the statistics of one user from all his trades and answers with the row.
CREATE OR REPLACE FUNCTION calculate_atge_performance(of_user uuid) RETURNS atge_performance_cache
LANGUAGE sql AS $$
  SELECT refresh_atge_performance(ARRAY[of_user], anew => true);
  SELECT * FROM atge_performance_cache WHERE user_id = of_user;
$$;

COMMENT ON FUNCTION calculate_atge_performance IS
  'Recalculates the cached statistics of one user from all his trades and answers with the row';
