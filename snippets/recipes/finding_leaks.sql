-- The connections of this database that wait inside a transaction, longest first.
SELECT
    pid,
    application_name,
    now() - xact_start AS open_for,
    left(query, 100) AS last_statement
FROM pg_stat_activity
WHERE datname = current_database()
  AND state LIKE 'idle in transaction%'
ORDER BY xact_start;
