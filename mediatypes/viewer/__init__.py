"""Looking at runs: one page that reads the format itself, served, in one file, or in a notebook.

`viewer/` at the top of the repository holds the page's sources; `bundle/` beside this file what is built from them.
"""
