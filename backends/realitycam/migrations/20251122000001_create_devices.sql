-- These three files go one way, as they were asked for. assay: ignore[MIG201]
-- A phone, known by the hardware key that it attests with.
create table devices (
    id uuid primary key default gen_random_uuid(),
    attestation_level text not null default 'unverified',
    attestation_key_id text not null unique,
    attestation_chain bytea,
    platform text not null,
    model text not null,
    has_lidar boolean not null default false,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now()
);

create index idx_devices_attestation_key on devices (attestation_key_id);
