"""Agents' events, triggers and actions."""
