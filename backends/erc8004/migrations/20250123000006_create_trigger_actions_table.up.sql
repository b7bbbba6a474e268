-- lock-timeout: 5s
-- What is done when a trigger fires, the lowest priority number first.
-- Its id is a serial, as other tools that read this table expect. assay: ignore[prefer-bigint-over-int, prefer-identity]
create table trigger_actions (
    id serial primary key,
    trigger_id uuid not null references triggers on delete cascade,
    action_type text not null check (action_type in ('telegram', 'rest', 'mcp')),
    priority integer not null default 1,
    config jsonb not null check (jsonb_typeof(config) = 'object'),
    created_at timestamptz not null default now()
);

create index trigger_actions_trigger_id_idx on trigger_actions (trigger_id);
