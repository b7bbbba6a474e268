-- Three phones to look at during development. Rows that are there already stay as they are.
insert into devices (id, attestation_level, attestation_key_id, attestation_chain, platform, model, has_lidar)
values
    ('11111111-0000-4000-8000-000000000001', 'secure_enclave', 'seed-key-1', '\x308201', 'ios', 'iPhone 17 Pro', true),
    ('11111111-0000-4000-8000-000000000002', 'strongbox', 'seed-key-2', '\x308202', 'android', 'Pixel 10', false),
    ('11111111-0000-4000-8000-000000000003', 'unverified', 'seed-key-3', null, 'android', 'Galaxy A56', false)
on conflict do nothing;
