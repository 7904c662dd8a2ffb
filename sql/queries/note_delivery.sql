-- What became of the message about a failure.
UPDATE atge_error_logs SET context = context || jsonb_build_object('slack', CAST(:outcome AS text)) WHERE id = :id
