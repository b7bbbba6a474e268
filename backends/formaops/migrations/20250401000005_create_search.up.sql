-- no-transaction
-- lock-timeout: 5s
-- A term anywhere in a name or a description is found by the triples of its letters.
create extension if not exists pg_trgm;

create index concurrently idx_prompts_search on prompts using gin (name gin_trgm_ops, description gin_trgm_ops);
