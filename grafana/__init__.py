"""Dashboards as code, and the tools that prove and draw them."""
