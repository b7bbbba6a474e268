-- A developer with a project, to look around in. The key that lets tools in is made over HTTP, which shows it once.
insert into users (id, clerk_id, email, name)
values ('00000000-0000-4000-8000-000000000001', 'user_demo', 'demo@example.com', 'Demo')
on conflict (clerk_id) do nothing;

insert into projects (id, user_id, name, description)
values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'Coins', 'A coin and its proofs')
on conflict (id) do nothing;

insert into simulations
    (id, project_id, user_id, sender, module_address, module_name, function_name, args, result, success, gas_used, network)
values
    ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-000000000001', '0x1', '0xcafe', 'coin', 'transfer', '["0x2", 100]',
     '{"vm_status": "Executed successfully", "events": []}', true, 542, 'testnet')
on conflict (id) do nothing;

insert into prover_runs (id, project_id, user_id, module_name, move_code, status, duration_ms, result)
values
    ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-000000000001', 'coin', 'module 0xcafe::coin {}', 'passed', 1200, '{"verified": 3}')
on conflict (id) do nothing;
