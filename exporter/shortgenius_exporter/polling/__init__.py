"""When to poll (pure: ``schedule``, ``backoff``) and the threads that do it (``poller``)."""
