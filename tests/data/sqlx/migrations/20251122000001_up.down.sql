drop view device_platforms;
