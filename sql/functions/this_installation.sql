-- Whose backups these are: the server by its system identifier, and the database's name. A restore over the own
-- database keeps both; a copy on another server, or under another name, is another installation.
CREATE OR REPLACE FUNCTION this_installation() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT system_identifier || '/' || current_database() FROM pg_control_system()
$$;

COMMENT ON FUNCTION this_installation IS 'Whose backups these are: the system identifier of the server, and the database';
