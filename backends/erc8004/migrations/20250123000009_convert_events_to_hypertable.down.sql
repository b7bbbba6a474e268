-- Back to a plain table, with its rows.
drop function drop_event_chunks(interval);
drop function ensure_event_chunks(timestamptz, timestamptz);
drop function event_chunks_are_native();
call rebuild_events('');
