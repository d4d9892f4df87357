"""What the exporter costs, beside what others cost for the same work, in one run: ``make bench``."""
