-- Figures that were kept, if they are not older than :age. What a clock that was ahead has kept is not believed.
SELECT body, made_at, now() - made_at AS age
FROM kept_answers
WHERE name = :name AND subject = :subject AND version = :version
  AND made_at BETWEEN now() - CAST(:age AS interval) AND now()
