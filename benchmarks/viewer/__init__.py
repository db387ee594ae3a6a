"""A viewer of stored episodes: `turngym view RUN` serves pages on this machine, or writes one to a file.

A run is a folder of training, a result directory or a file of episodes. `library` answers what a page asks,
`server` carries the answers over HTTP and `page` writes them into one file; both show the modules in `static/`.
"""
