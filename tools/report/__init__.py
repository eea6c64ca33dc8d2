"""The report of the proof: tables in the terminal, and a page that shows all of its parts.

A part is a module that turns results into a table and into plain data. The data is saved as a
file in `.proof/`, so that the page also shows parts that another session has saved.
"""
