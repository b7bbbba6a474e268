-- no-transaction
create index concurrently captures_device on captures (device_id);
