-- What the tables of the evaluation keep: history for 90 days, runs and samples for 7.
WITH events AS (DELETE FROM alert_events WHERE at < CAST(:at AS timestamptz) - interval '90 days'),
samples AS (DELETE FROM system_samples WHERE at < CAST(:at AS timestamptz) - interval '7 days')
DELETE FROM alert_evaluations WHERE at < CAST(:at AS timestamptz) - interval '7 days'
