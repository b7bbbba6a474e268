-- The five tables, as they were given.
create table users (
    id uuid primary key default gen_random_uuid(),
    clerk_id varchar(255) unique not null,
    email varchar(255) not null,
    name varchar(255),
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table projects (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references users on delete cascade,
    name varchar(255) not null,
    description text,
    network varchar(50) default 'testnet',
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table simulations (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references projects on delete cascade,
    user_id uuid references users,
    sender varchar(66) not null,
    module_address varchar(66) not null,
    module_name varchar(255) not null,
    function_name varchar(255) not null,
    args jsonb,
    type_args jsonb,
    result jsonb not null,
    success boolean not null,
    gas_used bigint,
    network varchar(50) not null,
    created_at timestamp default now()
);

create table prover_runs (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references projects on delete cascade,
    user_id uuid references users,
    module_name varchar(255) not null,
    move_code text not null,
    status varchar(50) not null check (status in ('passed', 'failed', 'timeout', 'error')),
    duration_ms bigint,
    result jsonb not null,
    created_at timestamp default now()
);

create table api_keys (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references users on delete cascade,
    name varchar(255) not null,
    key_hash varchar(255) not null,
    key_prefix varchar(10) not null,
    last_used_at timestamp,
    created_at timestamp default now(),
    expires_at timestamp
);
