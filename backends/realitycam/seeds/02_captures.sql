-- Each seeded photo is the UTF-8 text "seed photo N", so that it can be verified by hand:
--   printf 'seed photo 1' | curl -F 'media=@-' http://127.0.0.1:8000/verifications
insert into captures
    (id, device_id, target_media_hash, depth_map_key, evidence, confidence_level, status, captured_at, uploaded_at)
values
    ('22222222-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000001',
     sha256('seed photo 1'), 'depth/seed-1.bin',
     '{"software": "RealityCam 1.4", "assertion": {"status": "valid", "counter": 7},
       "depth": {"status": "pass", "variance": 2.4, "layers": 5, "edge_coherence": 0.92}}',
     'high', 'complete', '2025-11-22 09:15:00+00', '2025-11-22 09:15:04+00'),
    ('22222222-0000-4000-8000-000000000002', '11111111-0000-4000-8000-000000000001',
     sha256('seed photo 2'), 'depth/seed-2.bin',
     '{"software": "RealityCam 1.4", "depth": {"status": "fail", "variance": 0.1, "layers": 1, "edge_coherence": 0.2}}',
     'low', 'complete', '2025-11-22 10:30:00+00', '2025-11-22 10:30:05+00'),
    ('22222222-0000-4000-8000-000000000003', '11111111-0000-4000-8000-000000000002',
     sha256('seed photo 3'), null, '{}', 'low', 'pending', '2025-11-22 11:45:00+00', '2025-11-22 11:45:06+00')
on conflict do nothing;
