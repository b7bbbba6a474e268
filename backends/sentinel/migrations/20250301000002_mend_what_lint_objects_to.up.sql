-- no-transaction
-- lock-timeout: 5s
-- assay: ignore[MIG301] the statements that write these columns write now(), or a time with its zone
-- assay: ignore[ban-drop-constraint] the checks that are dropped are those of this file, whose work is done
--
-- The tables are as they were given. This mends what the lint of the schema objects to, in steps of which each lets go of
-- its locks at once.
--
-- A timestamp without zone means another moment in each session's zone. What is stored was written in UTC; said so,
-- PostgreSQL changes the type without writing the tables anew.
set time zone 'UTC';
alter table users
    alter column created_at type timestamptz,
    alter column updated_at type timestamptz;
alter table projects
    alter column created_at type timestamptz,
    alter column updated_at type timestamptz;
alter table simulations
    alter column created_at type timestamptz;
alter table prover_runs
    alter column created_at type timestamptz;
alter table api_keys
    alter column last_used_at type timestamptz,
    alter column created_at type timestamptz,
    alter column expires_at type timestamptz;

-- Every row has a time and a parent: its place in the pages below. Once a check is validated, SET NOT NULL need not look at
-- the rows again.
alter table users add constraint users_whole check (created_at is not null and updated_at is not null) not valid;
alter table users validate constraint users_whole;
alter table users
    alter column created_at set not null,
    alter column updated_at set not null;
alter table users drop constraint users_whole;
alter table projects add constraint projects_whole check (created_at is not null and updated_at is not null and network is not null and user_id is not null) not valid;
alter table projects validate constraint projects_whole;
alter table projects
    alter column created_at set not null,
    alter column updated_at set not null,
    alter column network set not null,
    alter column user_id set not null;
alter table projects drop constraint projects_whole;
alter table simulations add constraint simulations_whole check (created_at is not null and project_id is not null) not valid;
alter table simulations validate constraint simulations_whole;
alter table simulations
    alter column created_at set not null,
    alter column project_id set not null;
alter table simulations drop constraint simulations_whole;
alter table prover_runs add constraint prover_runs_whole check (created_at is not null and project_id is not null) not valid;
alter table prover_runs validate constraint prover_runs_whole;
alter table prover_runs
    alter column created_at set not null,
    alter column project_id set not null;
alter table prover_runs drop constraint prover_runs_whole;
alter table api_keys add constraint api_keys_whole check (created_at is not null and user_id is not null) not valid;
alter table api_keys validate constraint api_keys_whole;
alter table api_keys
    alter column created_at set not null,
    alter column user_id set not null;
alter table api_keys drop constraint api_keys_whole;

-- A foreign key without an index makes each delete of a parent read the whole table. In this order the indexes also hold
-- the pages of a parent's rows, the newest first.
create index concurrently idx_projects_user on projects (user_id, created_at desc, id desc);
create index concurrently idx_simulations_project on simulations (project_id, created_at desc, id desc);
create index concurrently idx_simulations_user on simulations (user_id);
create index concurrently idx_prover_runs_project on prover_runs (project_id, created_at desc, id desc);
create index concurrently idx_prover_runs_user on prover_runs (user_id);
create index concurrently idx_api_keys_user on api_keys (user_id, created_at desc, id desc);

-- Keys are looked up by their hash, and no two are the same.
create unique index concurrently idx_api_keys_hash on api_keys (key_hash);

-- Who removes a user removes the projects, and with these the simulations and runs. But the rows that a cascade removes in
-- turn are removed after the other foreign keys of the user were checked, which these two then refuse; so they are checked
-- at the end of the transaction.
alter table simulations alter constraint simulations_user_id_fkey deferrable initially deferred;
alter table prover_runs alter constraint prover_runs_user_id_fkey deferrable initially deferred;
