-- lock-timeout: 5s
-- These three files go one way, as they were asked for. assay: ignore[MIG201]
-- Somebody asked whether a photo is known; capture_id is null when it was not.
create table verification_logs (
    id uuid primary key default gen_random_uuid(),
    capture_id uuid references captures,
    action text not null,
    client_ip inet,
    user_agent text,
    created_at timestamptz not null default now()
);

create index idx_verification_logs_capture on verification_logs (capture_id);
