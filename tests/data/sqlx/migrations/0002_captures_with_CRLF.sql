create table captures (
    id bigint primary key,
    device_id uuid not null references devices
);
