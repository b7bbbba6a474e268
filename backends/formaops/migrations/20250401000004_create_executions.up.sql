-- Prompts that are run, and what happens on the way.
create table executions (
    id uuid primary key default gen_random_uuid(),
    inputs json not null,
    context json,
    status execution_status not null default 'PENDING',
    priority priority not null default 'NORMAL',
    edge_function_id text,
    output text,
    validated_output json,
    validation_status validation_status not null default 'PENDING',
    token_usage jsonb,
    latency_ms int constraint chk_latency_positive check (latency_ms is null or latency_ms > 0),
    cost_usd decimal(10,6) constraint chk_cost_positive check (cost_usd is null or cost_usd >= 0),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    user_id uuid not null references users,
    prompt_id uuid not null references prompts,
    constraint chk_completion_order check (started_at is null or completed_at is null or completed_at >= started_at),
    constraint chk_execution_status_logic check (case status
        when 'PENDING' then started_at is null and completed_at is null
        when 'RUNNING' then started_at is not null and completed_at is null
        else started_at is not null and completed_at is not null end)
);

-- Both lists of the page ask for (user_id, status), (created_at) on its own, and (user_id, created_at), (prompt_id,
-- created_at) and (status, created_at) once rising and once falling. An index is read in both directions: of each pair the
-- one with a name is built.
create index idx_executions_created on executions (created_at);
create index idx_executions_user_created on executions (user_id, created_at desc);
create index idx_executions_status_created on executions (status, created_at desc);
create index idx_executions_prompt_created on executions (prompt_id, created_at desc);
create index idx_executions_user_status_all on executions (user_id, status);
create index idx_executions_user_status on executions (user_id, status) where status in ('RUNNING', 'FAILED');

-- What is to be done next: the most urgent, and of those the oldest.
create index idx_executions_pending on executions (priority desc, created_at) where status = 'PENDING';

create table execution_logs (
    id uuid primary key default gen_random_uuid(),
    level log_level not null default 'INFO',
    message text not null,
    metadata jsonb,
    timestamp timestamptz not null default now(),
    execution_id uuid not null references executions on delete cascade
);

create index idx_execution_logs_execution_time on execution_logs (execution_id, timestamp desc);
create index idx_execution_logs_level_time on execution_logs (level, timestamp);
