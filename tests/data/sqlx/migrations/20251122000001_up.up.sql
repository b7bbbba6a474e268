create view device_platforms as select distinct platform from devices;
