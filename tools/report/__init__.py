"""Reports on the proof: tables in the terminal, and a page that shows all parts.

A part is a module that turns results into a table and into plain data. The data is saved as a
file in `.proof/`, so that the page also shows the parts that another nox session has saved.
"""
