-- The types are those that were asked for. assay: ignore[prefer-bigint-over-int, prefer-identity, prefer-text-field]
-- Who uses the service.
create table users (
    id serial primary key,
    name varchar(255) not null,
    email varchar(255) not null unique,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

create index idx_users_email on users (email);
create index idx_users_created_at on users (created_at);
