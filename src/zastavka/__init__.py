"""Find the intro of TV episodes: when it starts, when it ends, how sure we are and why."""

__version__ = "0.1.0"
