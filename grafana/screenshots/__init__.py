"""Pictures of the dashboards: Grafana's own UI library, a real Prometheus, a headless Chromium."""
