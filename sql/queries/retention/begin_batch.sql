-- Write down a batch before its file is written: until it is `written`, the file may be anything.
INSERT INTO archived_batches (id, table_name, file, day, state, rows, last_key, run_url)
VALUES (:id, :table, :file, :day, 'writing', :rows, CAST(:last AS jsonb), :run_url)
