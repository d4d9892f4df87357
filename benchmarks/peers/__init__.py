"""Other ways to do the same work, each a program of its own."""
