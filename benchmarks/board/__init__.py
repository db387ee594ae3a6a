"""The board: result directories become a leaderboard as JSON, as Markdown and as a static site.

`entries` reads directories, `rows` ranks, `columns` words the cells; `document`, `markdown` and `site` write, and
`build` does all of it. `runs`, `methods` and `methods_page` do the same for the credit methods of training runs.
`inspect_log` and `hub` turn a single result into the formats of others.
"""
