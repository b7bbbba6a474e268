-- lock-timeout: 5s
-- A trigger fires when all its conditions hold. 'field' compares a field of the event with the value, 'ema' the
-- exponential moving average of a field, 'count' the number of events; the last two remember in trigger_state.
-- Its id is a serial, as other tools that read this table expect. assay: ignore[prefer-bigint-over-int, prefer-identity]
create table trigger_conditions (
    id serial primary key,
    trigger_id uuid not null references triggers on delete cascade,
    condition_type text not null check (condition_type in ('field', 'ema', 'count')),
    field text not null,
    operator text not null check (operator in ('=', '!=', '<', '<=', '>', '>=', 'in', 'contains')),
    value text not null,
    config jsonb check (jsonb_typeof(config) = 'object'),
    created_at timestamptz not null default now()
);

create index trigger_conditions_trigger_id_idx on trigger_conditions (trigger_id);
