"""A fake ShortGenius API: a pure model of accounts, and a real HTTP server in front of it, with faults.

For the demo, for trying dashboards and alerts, and for tests. Only ``demo.py`` imports it.
"""
