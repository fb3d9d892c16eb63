"""A page to watch it work and put it right: the server, its API and its pages. Needs `web`."""
