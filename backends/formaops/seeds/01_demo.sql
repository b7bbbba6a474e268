-- The demo user, with a prompt that is published, what is asked of its outputs, and one that was run.
insert into users (id, email, name, plan)
values ('00000000-0000-4000-8000-0000000000f1', 'demo@formaops.com', 'Demo User', 'PRO')
on conflict (email) do nothing;

insert into prompts (id, user_id, name, description, template, variables, version, status, tags, published_at)
values (
    '00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-0000000000f1', 'AI Code Reviewer',
    'Reviews code and lists its issues', E'Review this {{language}} code and answer in JSON:\n\n{{code}}',
    '[{"name": "language", "type": "string", "required": false, "default": "typescript",
       "options": ["typescript", "javascript", "python", "go"]},
      {"name": "code", "type": "string", "required": true}]',
    1, 'PUBLISHED', '{code,review}', '2025-04-01T00:00:00Z')
on conflict (id) do nothing;

insert into prompt_versions (id, prompt_id, version, template, variables, change_log)
select '00000000-0000-4000-8000-0000000000f3', id, version, template, variables, 'The first'
from prompts where id = '00000000-0000-4000-8000-0000000000f2'
on conflict (prompt_id, version) do nothing;

insert into validations (id, prompt_id, name, type, config)
values (
    '00000000-0000-4000-8000-0000000000f4', '00000000-0000-4000-8000-0000000000f2', 'Code Review Schema', 'SCHEMA',
    '{"schema": {
        "type": "object",
        "required": ["issues", "overall_rating"],
        "properties": {
            "issues": {"type": "array", "items": {
                "type": "object",
                "required": ["type", "severity", "description", "suggestion"],
                "properties": {
                    "type": {"type": "string"}, "severity": {"type": "string"},
                    "description": {"type": "string"}, "suggestion": {"type": "string"}}}},
            "overall_rating": {"type": "number", "minimum": 1, "maximum": 10}}}}')
on conflict (id) do nothing;

insert into executions
    (id, user_id, prompt_id, inputs, status, output, validated_output, validation_status, token_usage, latency_ms,
     cost_usd, created_at, started_at, completed_at)
values (
    '00000000-0000-4000-8000-0000000000f5', '00000000-0000-4000-8000-0000000000f1',
    '00000000-0000-4000-8000-0000000000f2', '{"language": "typescript", "code": "let x = 1"}', 'COMPLETED',
    '{"issues": [], "overall_rating": 9}', '{"issues": [], "overall_rating": 9}', 'PASSED',
    '{"input": 156, "output": 89, "total": 245}', 2340, 0.045,
    '2025-04-01T12:00:00Z', '2025-04-01T12:00:01Z', '2025-04-01T12:00:03.340Z')
on conflict (id) do nothing;
