alter table captures add column größe numeric, add column "名前" text default '🙂';
