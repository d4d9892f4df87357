"""Snapshots become the exposition: rendered when they are published, joined when they are scraped."""
