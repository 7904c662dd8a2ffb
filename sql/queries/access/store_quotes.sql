-- Keeps a look, once: of two runs that ask for the same moment the first one's answers count.
INSERT INTO token_prices (source, taken_at, price, refused)
SELECT source, :at, price, refused
FROM jsonb_to_recordset(CAST(:quotes AS jsonb)) AS quotes (source text, price numeric, refused text)
ORDER BY source
ON CONFLICT (taken_at, source) DO NOTHING
