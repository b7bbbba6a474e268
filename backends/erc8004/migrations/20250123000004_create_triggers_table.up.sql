-- lock-timeout: 5s
-- What a user wants to be told of: the events of one registry on one chain that fulfil the conditions.
-- Chain ids are 32-bit numbers in every table. assay: ignore[prefer-bigint-over-int]
create table triggers (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users on delete cascade,
    name text not null,
    description text,
    chain_id integer not null,
    registry text not null check (registry in ('identity', 'reputation', 'validation')),
    enabled boolean not null default true,
    is_stateful boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index triggers_user_id_idx on triggers (user_id);
create index triggers_chain_id_registry_enabled_idx on triggers (chain_id, registry, enabled) where enabled;

create trigger triggers_updated_at
before update on triggers
for each row execute function update_updated_at_column();
