"""Point in time: base backups and the write-ahead log since, from which a server is restored to any moment.

PostgreSQL's own programs and settings do the work (manual chapter 25.3), or pgBackRest where a project asks for it.
"""
