"""The HTTP side: what each path answers (``routes``), and the server that stands slow clients (``server``)."""
