"""Thirty days of the exporter's series without waiting for them, for proving the dashboards and for drawing them.

Simulated accounts are polled by the exporter's own pure core and rendered by its own metric families; the samples
become blocks of a real Prometheus, the shipped rules are evaluated over them.
"""
