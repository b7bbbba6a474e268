"""The pytest plugin: a database for every test.

pytest loads ``assay.testing.plugin`` by itself; nothing else is imported before a test asks for a fixture.
"""
