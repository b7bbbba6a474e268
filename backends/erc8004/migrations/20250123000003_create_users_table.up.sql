create table users (
    id uuid primary key default gen_random_uuid(),
    username text not null unique,
    email text not null unique,
    password_hash text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_login_at timestamptz,
    is_active boolean not null default true
);

create trigger users_updated_at
before update on users
for each row execute function update_updated_at_column();
