"""The ledger on disk: what is kept (``remembered``), where (``file``, ``lock``), when it is written (``keeper``)."""
