"""Prometheus exporter for ShortGenius credits."""
