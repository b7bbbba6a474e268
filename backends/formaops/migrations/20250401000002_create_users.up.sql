-- Who writes prompts, and the keys that let their programs in.
create function set_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := clock_timestamp();
    return new;
end
$$;

create table users (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    name text,
    avatar_url text,
    plan user_plan not null default 'FREE',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create trigger users_set_updated_at before update on users for each row execute function set_updated_at();

create table api_keys (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    key_hash text not null constraint api_keys_key_hash_key unique,
    last_used timestamptz,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    user_id uuid not null references users on delete cascade
);

create index idx_api_keys_user_active on api_keys (user_id, is_active);
create index idx_api_keys_hash on api_keys (key_hash) where is_active;
