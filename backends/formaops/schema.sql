-- The schema on PostgreSQL 18, written by assay schema dump.

SET check_function_bodies = false;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE TYPE public.execution_status AS ENUM (
    'PENDING',
    'RUNNING',
    'COMPLETED',
    'FAILED',
    'CANCELLED'
);

CREATE TYPE public.log_level AS ENUM (
    'DEBUG',
    'INFO',
    'WARN',
    'ERROR'
);

CREATE TYPE public.priority AS ENUM (
    'LOW',
    'NORMAL',
    'HIGH',
    'CRITICAL'
);

CREATE TYPE public.prompt_status AS ENUM (
    'DRAFT',
    'PUBLISHED',
    'ARCHIVED'
);

CREATE TYPE public.user_plan AS ENUM (
    'FREE',
    'PRO',
    'ENTERPRISE'
);

CREATE TYPE public.validation_status AS ENUM (
    'PENDING',
    'PASSED',
    'FAILED',
    'SKIPPED'
);

CREATE TYPE public.validation_type AS ENUM (
    'SCHEMA',
    'REGEX',
    'FUNCTION'
);

CREATE FUNCTION public.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.updated_at := clock_timestamp();
    return new;
end
$$;

CREATE TABLE public.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    key_hash text NOT NULL,
    last_used timestamp with time zone,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL
);

CREATE TABLE public.execution_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    level public.log_level DEFAULT 'INFO'::public.log_level NOT NULL,
    message text NOT NULL,
    metadata jsonb,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    execution_id uuid NOT NULL
);

CREATE TABLE public.executions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    inputs json NOT NULL,
    context json,
    status public.execution_status DEFAULT 'PENDING'::public.execution_status NOT NULL,
    priority public.priority DEFAULT 'NORMAL'::public.priority NOT NULL,
    edge_function_id text,
    output text,
    validated_output json,
    validation_status public.validation_status DEFAULT 'PENDING'::public.validation_status NOT NULL,
    token_usage jsonb,
    latency_ms integer,
    cost_usd numeric(10,6),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    user_id uuid NOT NULL,
    prompt_id uuid NOT NULL,
    CONSTRAINT chk_completion_order CHECK (((started_at IS NULL) OR (completed_at IS NULL) OR (completed_at >= started_at))),
    CONSTRAINT chk_cost_positive CHECK (((cost_usd IS NULL) OR (cost_usd >= (0)::numeric))),
    CONSTRAINT chk_execution_status_logic CHECK (
CASE status
    WHEN 'PENDING'::public.execution_status THEN ((started_at IS NULL) AND (completed_at IS NULL))
    WHEN 'RUNNING'::public.execution_status THEN ((started_at IS NOT NULL) AND (completed_at IS NULL))
    ELSE ((started_at IS NOT NULL) AND (completed_at IS NOT NULL))
END),
    CONSTRAINT chk_latency_positive CHECK (((latency_ms IS NULL) OR (latency_ms > 0)))
);

CREATE TABLE public.prompt_versions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    version integer NOT NULL,
    template text NOT NULL,
    variables json NOT NULL,
    change_log text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    prompt_id uuid NOT NULL
);

CREATE TABLE public.prompts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    template text NOT NULL,
    variables json DEFAULT '[]'::json NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    status public.prompt_status DEFAULT 'DRAFT'::public.prompt_status NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    user_id uuid NOT NULL,
    CONSTRAINT chk_published_timestamp CHECK (((status <> 'PUBLISHED'::public.prompt_status) OR (published_at IS NOT NULL))),
    CONSTRAINT chk_version_positive CHECK ((version >= 1))
);

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    name text,
    avatar_url text,
    plan public.user_plan DEFAULT 'FREE'::public.user_plan NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.validations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    type public.validation_type NOT NULL,
    config jsonb NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    prompt_id uuid NOT NULL
);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.execution_logs
    ADD CONSTRAINT execution_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT prompt_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT prompt_versions_prompt_id_version_key UNIQUE (prompt_id, version);

ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT prompts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.validations
    ADD CONSTRAINT validations_pkey PRIMARY KEY (id);

CREATE INDEX idx_api_keys_hash ON public.api_keys USING btree (key_hash) WHERE is_active;

CREATE INDEX idx_api_keys_user_active ON public.api_keys USING btree (user_id, is_active);

CREATE INDEX idx_execution_logs_execution_time ON public.execution_logs USING btree (execution_id, "timestamp" DESC);

CREATE INDEX idx_execution_logs_level_time ON public.execution_logs USING btree (level, "timestamp");

CREATE INDEX idx_executions_created ON public.executions USING btree (created_at);

CREATE INDEX idx_executions_pending ON public.executions USING btree (priority DESC, created_at) WHERE (status = 'PENDING'::public.execution_status);

CREATE INDEX idx_executions_prompt_created ON public.executions USING btree (prompt_id, created_at DESC);

CREATE INDEX idx_executions_status_created ON public.executions USING btree (status, created_at DESC);

CREATE INDEX idx_executions_user_created ON public.executions USING btree (user_id, created_at DESC);

CREATE INDEX idx_executions_user_status ON public.executions USING btree (user_id, status) WHERE (status = ANY (ARRAY['RUNNING'::public.execution_status, 'FAILED'::public.execution_status]));

CREATE INDEX idx_executions_user_status_all ON public.executions USING btree (user_id, status);

CREATE INDEX idx_prompt_versions_prompt_created ON public.prompt_versions USING btree (prompt_id, created_at);

CREATE INDEX idx_prompts_created ON public.prompts USING btree (created_at);

CREATE INDEX idx_prompts_search ON public.prompts USING gin (name public.gin_trgm_ops, description public.gin_trgm_ops);

CREATE INDEX idx_prompts_status_published ON public.prompts USING btree (status, published_at DESC) WHERE (status = 'PUBLISHED'::public.prompt_status);

CREATE INDEX idx_prompts_user_status ON public.prompts USING btree (user_id, status);

CREATE INDEX idx_validations_prompt_active ON public.validations USING btree (prompt_id, is_active);

CREATE TRIGGER prompts_set_updated_at BEFORE UPDATE ON public.prompts FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER users_set_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER validations_set_updated_at BEFORE UPDATE ON public.validations FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.execution_logs
    ADD CONSTRAINT execution_logs_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.executions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_prompt_id_fkey FOREIGN KEY (prompt_id) REFERENCES public.prompts(id);

ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT prompt_versions_prompt_id_fkey FOREIGN KEY (prompt_id) REFERENCES public.prompts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT prompts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.validations
    ADD CONSTRAINT validations_prompt_id_fkey FOREIGN KEY (prompt_id) REFERENCES public.prompts(id) ON DELETE CASCADE;

RESET check_function_bodies;
