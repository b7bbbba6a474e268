-- lock-timeout: 5s
-- What a stateful trigger remembers: averages and counters, by the id of the condition that they belong to.
create table trigger_state (
    trigger_id uuid primary key references triggers on delete cascade,
    state_data jsonb not null check (jsonb_typeof(state_data) = 'object'),
    last_updated timestamptz not null default now()
);
