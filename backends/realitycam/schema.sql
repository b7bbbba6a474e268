-- The schema on PostgreSQL 18, written by assay schema dump.

CREATE TABLE public.captures (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    device_id uuid NOT NULL,
    target_media_hash bytea NOT NULL,
    depth_map_key text,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    confidence_level text DEFAULT 'low'::text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    captured_at timestamp with time zone NOT NULL,
    uploaded_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.devices (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    attestation_level text DEFAULT 'unverified'::text NOT NULL,
    attestation_key_id text NOT NULL,
    attestation_chain bytea,
    platform text NOT NULL,
    model text NOT NULL,
    has_lidar boolean DEFAULT false NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.verification_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    capture_id uuid,
    action text NOT NULL,
    client_ip inet,
    user_agent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.captures
    ADD CONSTRAINT captures_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.captures
    ADD CONSTRAINT captures_target_media_hash_key UNIQUE (target_media_hash);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_attestation_key_id_key UNIQUE (attestation_key_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.verification_logs
    ADD CONSTRAINT verification_logs_pkey PRIMARY KEY (id);

CREATE INDEX idx_captures_device ON public.captures USING btree (device_id);

CREATE INDEX idx_captures_hash ON public.captures USING hash (target_media_hash);

CREATE INDEX idx_captures_status ON public.captures USING btree (status);

CREATE INDEX idx_devices_attestation_key ON public.devices USING btree (attestation_key_id);

CREATE INDEX idx_verification_logs_capture ON public.verification_logs USING btree (capture_id);

ALTER TABLE ONLY public.captures
    ADD CONSTRAINT captures_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id);

ALTER TABLE ONLY public.verification_logs
    ADD CONSTRAINT verification_logs_capture_id_fkey FOREIGN KEY (capture_id) REFERENCES public.captures(id);
