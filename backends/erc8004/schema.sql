-- The schema on PostgreSQL 18, written by assay schema dump.

SET check_function_bodies = false;

CREATE FUNCTION public.drop_event_chunks(keep interval) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $_$
declare
    chunk text;
    dropped integer := 0;
begin
    if not event_chunks_are_native() then
        perform remove_retention_policy('events', if_exists => true);
        perform add_retention_policy('events', drop_after => keep);
        select count(*) into dropped from drop_chunks('events', older_than => keep);
        return dropped;
    end if;
    for chunk in
        select inhrelid::regclass::text
        from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'events'::regclass
          and substring(pg_get_expr(relpartbound, inhrelid) from $q$ TO \('([^']+)'\)$q$)::timestamptz <= now() - keep
        order by inhrelid
    loop
        execute 'drop table ' || chunk;
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$_$;

CREATE FUNCTION public.ensure_event_chunks(first timestamp with time zone, last timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
declare
    starts timestamptz := date_bin('7 days', first, 'epoch');
    chunk text;
    missing boolean;
    made integer := 0;
begin
    if not event_chunks_are_native() then
        return 0;
    end if;
    if last - first > interval '10 years' then
        raise exception 'from % to % are more than ten years of chunks', first, last
            using errcode = 'invalid_parameter_value';
    end if;
    while starts <= last loop
        chunk := 'events_' || to_char(starts, 'YYYYMMDD');
        if to_regclass(chunk) is null then
            perform lock_event_writers();
            -- Asked again, of the table itself: what another session created meanwhile, to_regclass may not know yet.
            missing := not exists (
                select from pg_class where relname = chunk and relnamespace = 'public'::regnamespace
            );
        else
            missing := false;
        end if;
        if missing then
            -- Attached rather than created in its place: readers and writers of the other chunks need not wait.
            execute format('create table %I (like events including defaults including constraints)', chunk);
            execute format('alter table events attach partition %I for values from (%L) to (%L)',
                           chunk, starts, starts + interval '7 days');
            execute format('create trigger events_no_truncate before truncate on %I '
                           'for each statement execute function refuse_event_change()', chunk);
            made := made + 1;
        end if;
        starts := starts + interval '7 days';
    end loop;
    return made;
end
$$;

CREATE FUNCTION public.event_chunks_are_native() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$ select relkind = 'p' from pg_class where oid = 'events'::regclass $$;

CREATE PROCEDURE public.guard_events()
    LANGUAGE sql
    AS $$
    create trigger events_turn before insert on events for each statement execute function take_event_turn();
    create trigger events_append_only before update or delete on events
        for each row execute function refuse_event_change();
    create trigger events_no_truncate before truncate on events
        for each statement execute function refuse_event_change();
    create trigger events_notify after insert on events for each row execute function notify_new_event();
$$;

CREATE FUNCTION public.lock_event_writers() RETURNS void
    LANGUAGE sql
    AS $$ select pg_advisory_xact_lock(8004, 1) $$;

CREATE FUNCTION public.notify_new_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('new_event', new.id::text);
    return null;
end
$$;

CREATE PROCEDURE public.rebuild_events(IN partitioning text)
    LANGUAGE plpgsql
    AS $$
declare
    definition text;
    definitions constant text[] := array(
        select format('alter table events add constraint %I %s', conname, pg_get_constraintdef(oid))
        from pg_constraint
        where conrelid = 'events'::regclass and contype in ('p', 'u')
        order by conname
    ) || array(
        select pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid = 'events'::regclass
          and not exists (select from pg_constraint where conindid = indexrelid)
        order by indexrelid::regclass::text
    );
begin
    execute 'create table events_rebuilt (like events including defaults including constraints) ' || partitioning;
    insert into events_rebuilt select * from events;
    alter sequence events_id_seq owned by events_rebuilt.id;
    drop table events;
    alter table events_rebuilt rename to events;
    foreach definition in array definitions loop
        execute definition;
    end loop;
    call guard_events();
end
$$;

CREATE FUNCTION public.refuse_event_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'events are append-only: % is refused', lower(tg_op)
        using errcode = 'insufficient_privilege',
              hint = 'Events leave only with their whole chunk: select drop_event_chunks(interval ''365 days'').';
end
$$;

CREATE FUNCTION public.take_event_turn() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform lock_event_writers();
    return null;
end
$$;

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.updated_at := now();
    return new;
end
$$;

CREATE TABLE public.action_jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    action_id integer NOT NULL,
    event_id bigint NOT NULL,
    event_created_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.action_results (
    id bigint NOT NULL,
    job_id uuid NOT NULL,
    trigger_id uuid,
    event_id bigint NOT NULL,
    event_created_at timestamp with time zone NOT NULL,
    action_type text NOT NULL,
    status text NOT NULL,
    executed_at timestamp with time zone DEFAULT now() NOT NULL,
    duration_ms integer,
    error_message text,
    response_data jsonb,
    retry_count integer DEFAULT 0 NOT NULL,
    CONSTRAINT action_results_action_type_check CHECK ((action_type = ANY (ARRAY['telegram'::text, 'rest'::text, 'mcp'::text]))),
    CONSTRAINT action_results_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT action_results_status_check CHECK ((status = ANY (ARRAY['success'::text, 'failed'::text, 'retrying'::text])))
);

ALTER TABLE public.action_results ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.action_results_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.agent_mcp_tokens (
    agent_id bigint NOT NULL,
    token text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.checkpoints (
    chain_id integer NOT NULL,
    last_block_number bigint NOT NULL,
    last_block_hash text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.events (
    id bigint NOT NULL,
    chain_id integer NOT NULL,
    block_number bigint NOT NULL,
    block_hash text NOT NULL,
    transaction_hash text NOT NULL,
    log_index integer NOT NULL,
    registry text NOT NULL,
    event_type text NOT NULL,
    agent_id bigint,
    "timestamp" bigint NOT NULL,
    owner text,
    token_uri text,
    metadata_key text,
    metadata_value text,
    client_address text,
    feedback_index bigint,
    score integer,
    tag1 text,
    tag2 text,
    file_uri text,
    file_hash text,
    validator_address text,
    request_hash text,
    response integer,
    response_uri text,
    response_hash text,
    tag text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT events_created_at_is_block_time CHECK ((created_at = to_timestamp(("timestamp")::double precision))),
    CONSTRAINT events_registry_check CHECK ((registry = ANY (ARRAY['identity'::text, 'reputation'::text, 'validation'::text])))
)
PARTITION BY RANGE (created_at);

CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;

CREATE TABLE public.match_positions (
    chain_id integer NOT NULL,
    last_event_id bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.trigger_actions (
    id integer NOT NULL,
    trigger_id uuid NOT NULL,
    action_type text NOT NULL,
    priority integer DEFAULT 1 NOT NULL,
    config jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trigger_actions_action_type_check CHECK ((action_type = ANY (ARRAY['telegram'::text, 'rest'::text, 'mcp'::text]))),
    CONSTRAINT trigger_actions_config_check CHECK ((jsonb_typeof(config) = 'object'::text))
);

CREATE SEQUENCE public.trigger_actions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.trigger_actions_id_seq OWNED BY public.trigger_actions.id;

CREATE TABLE public.trigger_conditions (
    id integer NOT NULL,
    trigger_id uuid NOT NULL,
    condition_type text NOT NULL,
    field text NOT NULL,
    operator text NOT NULL,
    value text NOT NULL,
    config jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trigger_conditions_condition_type_check CHECK ((condition_type = ANY (ARRAY['field'::text, 'ema'::text, 'count'::text]))),
    CONSTRAINT trigger_conditions_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
    CONSTRAINT trigger_conditions_operator_check CHECK ((operator = ANY (ARRAY['='::text, '!='::text, '<'::text, '<='::text, '>'::text, '>='::text, 'in'::text, 'contains'::text])))
);

CREATE SEQUENCE public.trigger_conditions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.trigger_conditions_id_seq OWNED BY public.trigger_conditions.id;

CREATE TABLE public.trigger_state (
    trigger_id uuid NOT NULL,
    state_data jsonb NOT NULL,
    last_updated timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trigger_state_state_data_check CHECK ((jsonb_typeof(state_data) = 'object'::text))
);

CREATE TABLE public.triggers (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    chain_id integer NOT NULL,
    registry text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    is_stateful boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT triggers_registry_check CHECK ((registry = ANY (ARRAY['identity'::text, 'reputation'::text, 'validation'::text])))
);

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    username text NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone,
    is_active boolean DEFAULT true NOT NULL
);

ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);

ALTER TABLE ONLY public.trigger_actions ALTER COLUMN id SET DEFAULT nextval('public.trigger_actions_id_seq'::regclass);

ALTER TABLE ONLY public.trigger_conditions ALTER COLUMN id SET DEFAULT nextval('public.trigger_conditions_id_seq'::regclass);

ALTER TABLE ONLY public.action_jobs
    ADD CONSTRAINT action_jobs_action_id_event_id_event_created_at_key UNIQUE (action_id, event_id, event_created_at);

ALTER TABLE ONLY public.action_jobs
    ADD CONSTRAINT action_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.action_results
    ADD CONSTRAINT action_results_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agent_mcp_tokens
    ADD CONSTRAINT agent_mcp_tokens_pkey PRIMARY KEY (agent_id);

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (chain_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_log_key UNIQUE (chain_id, transaction_hash, log_index, created_at);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY public.match_positions
    ADD CONSTRAINT match_positions_pkey PRIMARY KEY (chain_id);

ALTER TABLE ONLY public.trigger_actions
    ADD CONSTRAINT trigger_actions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.trigger_conditions
    ADD CONSTRAINT trigger_conditions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.trigger_state
    ADD CONSTRAINT trigger_state_pkey PRIMARY KEY (trigger_id);

ALTER TABLE ONLY public.triggers
    ADD CONSTRAINT triggers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);

CREATE INDEX action_jobs_due_at_idx ON public.action_jobs USING btree (due_at);

CREATE INDEX action_results_action_type_idx ON public.action_results USING btree (action_type);

CREATE INDEX action_results_event_idx ON public.action_results USING btree (event_id, event_created_at);

CREATE INDEX action_results_executed_at_idx ON public.action_results USING btree (executed_at DESC);

CREATE INDEX action_results_status_idx ON public.action_results USING btree (status);

CREATE INDEX action_results_trigger_id_idx ON public.action_results USING btree (trigger_id);

CREATE INDEX events_agent_id_idx ON ONLY public.events USING btree (agent_id) WHERE (agent_id IS NOT NULL);

CREATE INDEX events_chain_id_block_number_idx ON ONLY public.events USING btree (chain_id, block_number);

CREATE INDEX events_chain_id_created_at_idx ON ONLY public.events USING btree (chain_id, created_at DESC);

CREATE INDEX events_client_address_idx ON ONLY public.events USING btree (client_address) WHERE (client_address IS NOT NULL);

CREATE INDEX events_registry_event_type_idx ON ONLY public.events USING btree (registry, event_type);

CREATE INDEX events_validator_address_idx ON ONLY public.events USING btree (validator_address) WHERE (validator_address IS NOT NULL);

CREATE INDEX trigger_actions_trigger_id_idx ON public.trigger_actions USING btree (trigger_id);

CREATE INDEX trigger_conditions_trigger_id_idx ON public.trigger_conditions USING btree (trigger_id);

CREATE INDEX triggers_chain_id_registry_enabled_idx ON public.triggers USING btree (chain_id, registry, enabled) WHERE enabled;

CREATE INDEX triggers_user_id_idx ON public.triggers USING btree (user_id);

CREATE TRIGGER agent_mcp_tokens_updated_at BEFORE UPDATE ON public.agent_mcp_tokens FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER checkpoints_updated_at BEFORE UPDATE ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_event_change();

CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_event_change();

CREATE TRIGGER events_notify AFTER INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.notify_new_event();

CREATE TRIGGER events_turn BEFORE INSERT ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.take_event_turn();

CREATE TRIGGER triggers_updated_at BEFORE UPDATE ON public.triggers FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER users_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

ALTER TABLE ONLY public.action_jobs
    ADD CONSTRAINT action_jobs_action_id_fkey FOREIGN KEY (action_id) REFERENCES public.trigger_actions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.action_results
    ADD CONSTRAINT action_results_trigger_id_fkey FOREIGN KEY (trigger_id) REFERENCES public.triggers(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.trigger_actions
    ADD CONSTRAINT trigger_actions_trigger_id_fkey FOREIGN KEY (trigger_id) REFERENCES public.triggers(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.trigger_conditions
    ADD CONSTRAINT trigger_conditions_trigger_id_fkey FOREIGN KEY (trigger_id) REFERENCES public.triggers(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.trigger_state
    ADD CONSTRAINT trigger_state_trigger_id_fkey FOREIGN KEY (trigger_id) REFERENCES public.triggers(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.triggers
    ADD CONSTRAINT triggers_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

RESET check_function_bodies;
