alter table prover_runs alter constraint prover_runs_user_id_fkey not deferrable;
alter table simulations alter constraint simulations_user_id_fkey not deferrable;
drop index idx_api_keys_hash, idx_api_keys_user, idx_prover_runs_user, idx_prover_runs_project, idx_simulations_user,
    idx_simulations_project, idx_projects_user;
set local time zone 'UTC';
alter table api_keys
    alter column last_used_at type timestamp,
    alter column created_at type timestamp, alter column created_at drop not null,
    alter column expires_at type timestamp,
    alter column user_id drop not null;
alter table prover_runs
    alter column created_at type timestamp, alter column created_at drop not null,
    alter column project_id drop not null;
alter table simulations
    alter column created_at type timestamp, alter column created_at drop not null,
    alter column project_id drop not null;
alter table projects
    alter column created_at type timestamp, alter column created_at drop not null,
    alter column updated_at type timestamp, alter column updated_at drop not null,
    alter column network drop not null,
    alter column user_id drop not null;
alter table users
    alter column created_at type timestamp, alter column created_at drop not null,
    alter column updated_at type timestamp, alter column updated_at drop not null;
