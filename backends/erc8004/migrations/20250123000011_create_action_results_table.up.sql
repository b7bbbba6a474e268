-- lock-timeout: 5s
-- What came of each attempt at an action. The event is named by its key, without a foreign key: results outlive the
-- chunk that it was in.
-- Attempts, milliseconds and ids of actions are 32-bit numbers. assay: ignore[prefer-bigint-over-int]
create table action_results (
    id bigint generated always as identity primary key,
    job_id uuid not null,
    trigger_id uuid references triggers on delete set null,
    event_id bigint not null,
    event_created_at timestamptz not null,
    action_type text not null check (action_type in ('telegram', 'rest', 'mcp')),
    status text not null check (status in ('success', 'failed', 'retrying')),
    executed_at timestamptz not null default now(),
    duration_ms integer check (duration_ms >= 0),
    error_message text,
    response_data jsonb,
    retry_count integer not null default 0
);

create index action_results_trigger_id_idx on action_results (trigger_id);
create index action_results_event_idx on action_results (event_id, event_created_at);
create index action_results_status_idx on action_results (status);
create index action_results_executed_at_idx on action_results (executed_at desc);
create index action_results_action_type_idx on action_results (action_type);

-- What is still to be done. A worker that takes a job moves due_at ahead; if it dies, the job is due again then.
-- Both tables that it locks hold settings of users: small, and seldom written. assay: ignore[MIG105, prefer-bigint-over-int]
create table action_jobs (
    id uuid primary key default gen_random_uuid(),
    action_id integer not null references trigger_actions on delete cascade,
    event_id bigint not null,
    event_created_at timestamptz not null,
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    unique (action_id, event_id, event_created_at)
);

create index action_jobs_due_at_idx on action_jobs (due_at);
