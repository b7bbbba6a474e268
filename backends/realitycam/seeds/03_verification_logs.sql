-- Two people found their photo, one did not.
insert into verification_logs (id, capture_id, action, client_ip, user_agent, created_at)
values
    ('33333333-0000-4000-8000-000000000001', '22222222-0000-4000-8000-000000000001', 'matched',
     '192.0.2.10', 'curl/8.16', '2025-11-23 08:00:00+00'),
    ('33333333-0000-4000-8000-000000000002', '22222222-0000-4000-8000-000000000001', 'matched',
     '2001:db8::10', null, '2025-11-23 08:05:00+00'),
    ('33333333-0000-4000-8000-000000000003', null, 'unknown',
     '192.0.2.11', 'curl/8.16', '2025-11-23 08:10:00+00')
on conflict do nothing;
