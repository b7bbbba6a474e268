-- Encrypted with the development key of .env.example, as the service does it: "seed-token-1" and "seed-token-2".
insert into agent_mcp_tokens (agent_id, token)
values
    (7, 'gAAAAABrAFSq9oVvZgXn4qZGR9cc9t4yhx19QYn_8qt3KzoeFbyvIqYCPOTYXa-FjQ3zG3dY3J8GPi6ju9qgkOQTO9dWlfQJMg=='),
    (8, 'gAAAAABrAFSqotf8vVDkVop9UdZ-e6PKD5K9-SzwZXMiw3EaXcttH8PY1wAtCg7jb6gY3zttWY8ORLF2SFCM_KO6iiOd9ce7Ag==')
on conflict do nothing;
