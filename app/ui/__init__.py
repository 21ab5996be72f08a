"""The window: Qt that knows about workflows."""
