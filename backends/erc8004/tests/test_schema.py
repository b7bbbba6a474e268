"""The tables are exactly those of the page, read back from the catalog."""

from __future__ import annotations

import asyncpg
import pytest

COLUMNS = """
    select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then '' else ' null' end
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
# PostgreSQL 18 lists NOT NULL among the constraints too; the columns show it.
CONSTRAINTS = """
    select conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint
    where conrelid = $1::text::regclass and contype <> 'n'
    order by conname
"""
INDEXES = """
    select regexp_replace(indexdef, 'CREATE (UNIQUE )?INDEX (\\S+) ON (ONLY )?public\\.\\S+ USING btree ', '\\1')
    from pg_indexes where tablename = $1 order by indexname
"""
ID = "id uuid default gen_random_uuid()"
SPAN = ["created_at timestamp with time zone default now()", "updated_at timestamp with time zone default now()"]
MADE = SPAN[0]
REGISTRIES = "ARRAY['identity'::text, 'reputation'::text, 'validation'::text]"
TYPES = "ARRAY['telegram'::text, 'rest'::text, 'mcp'::text]"
CASCADE = "FOREIGN KEY (trigger_id) REFERENCES triggers(id) ON DELETE CASCADE"
TABLES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "users": (
        [
            ID,
            "username text",
            "email text",
            "password_hash text",
            *SPAN,
            "last_login_at timestamp with time zone null",
            "is_active boolean default true",
        ],
        ["users_email_key UNIQUE (email)", "users_pkey PRIMARY KEY (id)", "users_username_key UNIQUE (username)"],
        ["UNIQUE (email)", "UNIQUE (id)", "UNIQUE (username)"],
    ),
    "triggers": (
        [
            ID,
            "user_id uuid",
            "name text",
            "description text null",
            "chain_id integer",
            "registry text",
            "enabled boolean default true",
            "is_stateful boolean default false",
            *SPAN,
        ],
        [
            "triggers_pkey PRIMARY KEY (id)",
            f"triggers_registry_check CHECK ((registry = ANY ({REGISTRIES})))",
            "triggers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE",
        ],
        ["(chain_id, registry, enabled) WHERE enabled", "UNIQUE (id)", "(user_id)"],
    ),
    "trigger_conditions": (
        [
            "id integer default nextval('trigger_conditions_id_seq'::regclass)",
            "trigger_id uuid",
            "condition_type text",
            "field text",
            "operator text",
            "value text",
            "config jsonb null",
            MADE,
        ],
        [
            (
                "trigger_conditions_condition_type_check CHECK ((condition_type = ANY "
                "(ARRAY['field'::text, 'ema'::text, 'count'::text])))"
            ),
            "trigger_conditions_config_check CHECK ((jsonb_typeof(config) = 'object'::text))",
            (
                "trigger_conditions_operator_check CHECK ((operator = ANY (ARRAY['='::text, '!='::text, '<'::text, "
                "'<='::text, '>'::text, '>='::text, 'in'::text, 'contains'::text])))"
            ),
            "trigger_conditions_pkey PRIMARY KEY (id)",
            f"trigger_conditions_trigger_id_fkey {CASCADE}",
        ],
        ["UNIQUE (id)", "(trigger_id)"],
    ),
    "trigger_actions": (
        [
            "id integer default nextval('trigger_actions_id_seq'::regclass)",
            "trigger_id uuid",
            "action_type text",
            "priority integer default 1",
            "config jsonb",
            MADE,
        ],
        [
            f"trigger_actions_action_type_check CHECK ((action_type = ANY ({TYPES})))",
            "trigger_actions_config_check CHECK ((jsonb_typeof(config) = 'object'::text))",
            "trigger_actions_pkey PRIMARY KEY (id)",
            f"trigger_actions_trigger_id_fkey {CASCADE}",
        ],
        ["UNIQUE (id)", "(trigger_id)"],
    ),
    "trigger_state": (
        ["trigger_id uuid", "state_data jsonb", "last_updated timestamp with time zone default now()"],
        [
            "trigger_state_pkey PRIMARY KEY (trigger_id)",
            "trigger_state_state_data_check CHECK ((jsonb_typeof(state_data) = 'object'::text))",
            f"trigger_state_trigger_id_fkey {CASCADE}",
        ],
        ["UNIQUE (trigger_id)"],
    ),
    "events": (
        [
            "id bigint default nextval('events_id_seq'::regclass)",
            "chain_id integer",
            "block_number bigint",
            "block_hash text",
            "transaction_hash text",
            "log_index integer",
            "registry text",
            "event_type text",
            "agent_id bigint null",
            "timestamp bigint",
            *(
                f"{name} text null"
                for name in ("owner", "token_uri", "metadata_key", "metadata_value", "client_address")
            ),
            "feedback_index bigint null",
            "score integer null",
            *(f"{name} text null" for name in ("tag1", "tag2", "file_uri", "file_hash", "validator_address")),
            "request_hash text null",
            "response integer null",
            *(f"{name} text null" for name in ("response_uri", "response_hash", "tag")),
            "created_at timestamp with time zone",
        ],
        [
            'events_created_at_is_block_time CHECK ((created_at = to_timestamp(("timestamp")::double precision)))',
            "events_log_key UNIQUE (chain_id, transaction_hash, log_index, created_at)",
            "events_pkey PRIMARY KEY (id, created_at)",
            f"events_registry_check CHECK ((registry = ANY ({REGISTRIES})))",
        ],
        [
            "(agent_id) WHERE (agent_id IS NOT NULL)",
            "(chain_id, block_number)",
            "(chain_id, created_at DESC)",
            "(client_address) WHERE (client_address IS NOT NULL)",
            "UNIQUE (chain_id, transaction_hash, log_index, created_at)",
            "UNIQUE (id, created_at)",
            "(registry, event_type)",
            "(validator_address) WHERE (validator_address IS NOT NULL)",
        ],
    ),
    "checkpoints": (
        [
            "chain_id integer",
            "last_block_number bigint",
            "last_block_hash text",
            SPAN[1],
        ],
        ["checkpoints_pkey PRIMARY KEY (chain_id)"],
        ["UNIQUE (chain_id)"],
    ),
    "action_results": (
        [
            "id bigint",
            "job_id uuid",
            "trigger_id uuid null",
            "event_id bigint",
            "event_created_at timestamp with time zone",
            "action_type text",
            "status text",
            "executed_at timestamp with time zone default now()",
            "duration_ms integer null",
            "error_message text null",
            "response_data jsonb null",
            "retry_count integer default 0",
        ],
        [
            f"action_results_action_type_check CHECK ((action_type = ANY ({TYPES})))",
            "action_results_duration_ms_check CHECK ((duration_ms >= 0))",
            "action_results_pkey PRIMARY KEY (id)",
            (
                "action_results_status_check CHECK ((status = ANY "
                "(ARRAY['success'::text, 'failed'::text, 'retrying'::text])))"
            ),
            "action_results_trigger_id_fkey FOREIGN KEY (trigger_id) REFERENCES triggers(id) ON DELETE SET NULL",
        ],
        [
            "(action_type)",
            "(event_id, event_created_at)",
            "(executed_at DESC)",
            "UNIQUE (id)",
            "(status)",
            "(trigger_id)",
        ],
    ),
    "agent_mcp_tokens": (
        ["agent_id bigint", "token text", *SPAN],
        ["agent_mcp_tokens_pkey PRIMARY KEY (agent_id)"],
        ["UNIQUE (agent_id)"],
    ),
}


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_exactly_these_columns_constraints_and_indexes(
    catalog: asyncpg.Connection, table: str
) -> None:
    found = [[row[0] for row in await catalog.fetch(sql, table)] for sql in (COLUMNS, CONSTRAINTS, INDEXES)]
    assert found == list(TABLES[table])


UPDATED_AT = """
    select c.relname::text, exists (
        select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = c.oid and p.proname = 'update_updated_at_column'
    )
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where a.attname = 'updated_at' and c.relnamespace = 'public'::regnamespace
    order by 1
"""


async def test_every_table_with_updated_at_keeps_it_by_the_helper(catalog: asyncpg.Connection) -> None:
    assert [tuple(row) for row in await catalog.fetch(UPDATED_AT)] == [
        ("agent_mcp_tokens", True),
        ("checkpoints", True),
        ("triggers", True),
        ("users", True),
    ]
    await catalog.execute("insert into checkpoints values (1, 1, '0x', '2020-01-01')")
    await catalog.execute("update checkpoints set last_block_number = 2")
    assert await catalog.fetchval("select updated_at > now() - interval '1 minute' from checkpoints")


async def test_deleting_a_user_deletes_what_is_hers(catalog: asyncpg.Connection) -> None:
    await catalog.execute(
        """
        with u as (insert into users (username, email, password_hash) values ('a', 'b', 'c') returning id),
             t as (insert into triggers (user_id, name, chain_id, registry)
                   select id, 'x', 1, 'identity' from u returning id)
        insert into trigger_conditions (trigger_id, condition_type, field, operator, value)
        select id, 'field', 'tag', '=', 'x' from t
        """
    )
    await catalog.execute("delete from users")
    assert await catalog.fetchval("select count(*) from trigger_conditions") == 0
