-- These three files go one way, as they were asked for. assay: ignore[MIG201]
-- A photo that a device took, known by the SHA-256 of its bytes.
create table captures (
    id uuid primary key default gen_random_uuid(),
    device_id uuid not null references devices,
    target_media_hash bytea not null unique,
    depth_map_key text,
    evidence jsonb not null default '{}',
    confidence_level text not null default 'low',
    status text not null default 'pending',
    captured_at timestamptz not null,
    uploaded_at timestamptz not null default now()
);

create index idx_captures_hash on captures using hash (target_media_hash);
create index idx_captures_device on captures (device_id);
create index idx_captures_status on captures (status);
