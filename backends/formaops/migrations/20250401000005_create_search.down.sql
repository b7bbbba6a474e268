drop index idx_prompts_search;
drop extension pg_trgm;
