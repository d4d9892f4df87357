"""One request to the ShortGenius API becomes a ``Balance``, or one exception of the tree in ``errors``."""
