-- The words that columns take. Each is a StrEnum in models.py too; assay check proves that both list the same.
create type user_plan as enum ('FREE', 'PRO', 'ENTERPRISE');
create type prompt_status as enum ('DRAFT', 'PUBLISHED', 'ARCHIVED');
create type execution_status as enum ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED');
create type validation_status as enum ('PENDING', 'PASSED', 'FAILED', 'SKIPPED');
create type priority as enum ('LOW', 'NORMAL', 'HIGH', 'CRITICAL');
create type validation_type as enum ('SCHEMA', 'REGEX', 'FUNCTION');
create type log_level as enum ('DEBUG', 'INFO', 'WARN', 'ERROR');
