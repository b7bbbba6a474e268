drop trigger users_set_updated_at on users;
drop function set_updated_at();
