drop table api_keys, users;
drop function set_updated_at();
