-- Prompts, what they looked like each time they were published, and what is asked of their outputs.
create table prompts (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    description text,
    template text not null,
    variables json not null default '[]',
    version int not null default 1 constraint chk_version_positive check (version >= 1),
    status prompt_status not null default 'DRAFT',
    tags text[] not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    published_at timestamptz,
    user_id uuid not null references users on delete cascade,
    constraint chk_published_timestamp check (status <> 'PUBLISHED' or published_at is not null)
);

create trigger prompts_set_updated_at before update on prompts for each row execute function set_updated_at();

create index idx_prompts_user_status on prompts (user_id, status);
create index idx_prompts_created on prompts (created_at);
create index idx_prompts_status_published on prompts (status, published_at desc) where status = 'PUBLISHED';

create table prompt_versions (
    id uuid primary key default gen_random_uuid(),
    version int not null,
    template text not null,
    variables json not null,
    change_log text,
    created_at timestamptz not null default now(),
    prompt_id uuid not null references prompts on delete cascade,
    unique (prompt_id, version)
);

create index idx_prompt_versions_prompt_created on prompt_versions (prompt_id, created_at);

create table validations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    type validation_type not null,
    config jsonb not null,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    prompt_id uuid not null references prompts on delete cascade
);

create trigger validations_set_updated_at before update on validations for each row execute function set_updated_at();

create index idx_validations_prompt_active on validations (prompt_id, is_active);
