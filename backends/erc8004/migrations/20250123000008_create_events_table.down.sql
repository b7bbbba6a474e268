drop procedure rebuild_events(text);
drop procedure guard_events();
drop table events;
drop function notify_new_event();
drop function refuse_event_change();
drop function take_event_turn();
drop function lock_event_writers();
