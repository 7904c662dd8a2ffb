"""A graph database of the Neo4j kind: exported over Bolt or dumped by `neo4j-admin`, restored, drilled."""
